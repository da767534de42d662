import { createHash, sign } from 'node:crypto'
import { MayflyError, type Clock } from '../../lib/index.ts'
import {
  canonicalEntry,
  preAuthEncoding,
  statementType,
  type EntryContent,
  type SignerIdentity,
} from '../verify/index.ts'
import type { Authority } from './authority.ts'
import { envelopeOf } from './envelope.ts'
import { issueLeaf, type Leaf } from './leaf.ts'
import type { AttestationLog, LoggedEntry } from './log.ts'
import { createLogName } from './log-name.ts'
import type { Signer } from './signer.ts'
import { responseOf } from './timestamp-response.ts'

/** Signs, and has the signature logged and timestamped. Whatever it returns verifies. */
export interface BundleSigner {
  /** An in-toto statement, as the bytes that are signed. */
  statement(bytes: Uint8Array, who: SignerIdentity): Promise<SignedBundle>
  /** A file, such as SHA256SUMS. */
  message(bytes: Uint8Array, who: SignerIdentity): Promise<SignedBundle>
}

export interface SignedBundle {
  /** `application/vnd.dev.sigstore.bundle.v0.3+json`. */
  readonly json: string
  /** Of the statement or message, hex. */
  readonly statementSha256: string
  readonly logIndex: number
  readonly timeMs: number
  /** SHA-256 of the certificate, or of the key's SPKI; hex. */
  readonly by: string
}

/** Reads a finished bundle as its users will; says what is wrong with it. */
export type CheckBundle = (
  json: string,
) => { readonly ok: true; readonly timeMs: number } | { readonly ok: false; readonly detail: string }

interface Deps {
  log: AttestationLog
  check: CheckBundle
}

/** One key for one signature. */
interface OneSignature {
  readonly by: EntryContent['by']
  /** Names the key in the bundle of a long-lived one. */
  readonly hint?: string
  sign(message: Buffer): Buffer | Promise<Buffer>
}

/** By a certificate that says who builds, of a key that was made for this signature and is gone with it. */
export function createKeylessSigner(
  deps: Deps & { authority: () => Authority | Promise<Authority>; clock: Clock },
): BundleSigner {
  const { authority, clock } = deps
  return bundleSigner(deps, async (who) => {
    const { certificate, privateKey } = await issueLeaf(await authority(), who, clock.nowMs())
    return {
      by: { kind: 'certificate', der: certificate },
      sign: (message) => sign('sha256', message, privateKey),
    }
  })
}

/** By a certificate that another authority than ours gives for the key, for whoever it says. */
export function createCertifiedSigner(
  deps: Deps & { certify: (who: SignerIdentity) => Promise<Leaf> },
): BundleSigner {
  return bundleSigner(deps, async (who) => {
    const { certificate, privateKey } = await deps.certify(who)
    return {
      by: { kind: 'certificate', der: certificate },
      sign: (message) => sign('sha256', message, privateKey),
    }
  })
}

/** By a key that is there for long; who builds is what the statement says. */
export function createHeldKeySigner(deps: Deps & { signer: Signer }): BundleSigner {
  const { signer } = deps
  return bundleSigner(deps, async () => {
    const spki = await signer.publicKey()
    return {
      by: { kind: 'key', der: spki },
      hint: sha256(spki).toString('base64'),
      sign: (message) => signer.sign(message),
    }
  })
}

function bundleSigner(deps: Deps, one: (who: SignerIdentity) => Promise<OneSignature>): BundleSigner {
  const logName = createLogName(deps.log)

  async function finish(
    key: OneSignature,
    signed: Buffer,
    content: (signature: Buffer) => Record<string, unknown>,
    of: Uint8Array,
  ): Promise<SignedBundle> {
    const signature = await key.sign(signed)
    const entry = Buffer.from(canonicalEntry({ digest: sha256(signed), signature, by: key.by }))
    const logged = await deps.log.add(entry, signature)
    const keyId = await logName.keyIdOf(logged.checkpoint)
    const json = JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: {
        ...materialOf(key),
        tlogEntries: [logEntryOf(logged, entry, keyId)],
        timestampVerificationData: {
          rfc3161Timestamps: [{ signedTimestamp: responseOf(logged.timestamp).toString('base64') }],
        },
      },
      ...content(signature),
    })
    const checked = deps.check(json)
    if (!checked.ok)
      throw new MayflyError(
        'audit_rejected',
        `a bundle was signed that does not verify, and was not handed out: ${checked.detail}`,
      )
    return {
      json,
      statementSha256: sha256(of).toString('hex'),
      logIndex: logged.index,
      timeMs: checked.timeMs,
      by: sha256(key.by.der).toString('hex'),
    }
  }

  return {
    async statement(bytes, who) {
      const key = await one(who)
      // The hint of the bundle names the key. An id here, too, and sigstore-go passes over the signature: its own id for a key is another.
      const envelope = (signature: Buffer) => envelopeOf(statementType, bytes, [{ signature, keyId: '' }])
      const signed = preAuthEncoding(statementType, bytes)
      return finish(key, signed, (signature) => ({ dsseEnvelope: envelope(signature) }), bytes)
    },
    async message(bytes, who) {
      const messageDigest = { algorithm: 'SHA2_256', digest: sha256(bytes).toString('base64') }
      const content = (signature: Buffer) => ({
        messageSignature: { messageDigest, signature: signature.toString('base64') },
      })
      return finish(await one(who), Buffer.from(bytes), content, bytes)
    },
  }
}

function materialOf({ by, hint }: OneSignature): Record<string, unknown> {
  return by.kind === 'certificate'
    ? { certificate: { rawBytes: Buffer.from(by.der).toString('base64') } }
    : { publicKey: { hint } }
}

/** Numbers are text, as JSON of protocol buffers has 64-bit numbers. */
function logEntryOf(logged: LoggedEntry, entry: Buffer, keyId: string): Record<string, unknown> {
  const logIndex = String(logged.index)
  return {
    logIndex,
    logId: { keyId },
    kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
    integratedTime: '0',
    inclusionProof: {
      logIndex,
      rootHash: logged.rootHash.toString('base64'),
      treeSize: String(logged.treeSize),
      hashes: logged.hashes.map((hash) => hash.toString('base64')),
      checkpoint: { envelope: logged.checkpoint },
    },
    canonicalizedBody: entry.toString('base64'),
  }
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
