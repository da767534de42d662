import 'reflect-metadata'
import { createHash, generateKeyPairSync, randomBytes, sign, webcrypto, type KeyObject } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { createSigner, signNote, type Signer } from '../../audit/sign/index.ts'
import { referencePath, referenceRoot } from '../../audit/verify/reference.fixture.ts'
import {
  algorithm,
  certificateOf,
  createAuthority,
  hourMs,
  leafOf,
  type LeafChange,
} from './certificates.fixture.ts'
import { canonicalJson } from './canonical.fixture.ts'
import type { AuthorityJson, BundleJson, EntryJson, RootJson } from './shapes.fixture.ts'
import { timestampOf, type TimestampChange } from './timestamp.fixture.ts'

export const payloadType = 'application/vnd.in-toto+json'

/** All that vouches for a bundle, made here and known to nobody: authorities of certificates and of times, and a log. */
export interface World {
  readonly nowMs: number
  readonly trustedRoot: RootJson
  readonly caKey: Buffer
  readonly tsaKey: Buffer
  readonly logKey: Buffer
  /** By a certificate. */
  bundle(change?: Change): Promise<BundleJson>
  /** By a key, whose public half it comes with (SPKI PEM). */
  byKey(change?: Change): Promise<{ bundle: BundleJson; publicKey: string }>
}

/** What is made in another way than it should be. */
export interface Change {
  readonly statement?: Buffer
  readonly payloadType?: string
  /** A bundle about a file with these bytes. */
  readonly message?: Buffer
  readonly leaf?: LeafChange
  readonly timestamp?: TimestampChange
  readonly entry?: (entry: Record<string, unknown>) => unknown
  readonly log?: { readonly origin?: string; readonly signer?: Signer }
}

export const statementOf = (fields: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'app.tgz', digest: { sha256: createHash('sha256').update('app').digest('hex') } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: { buildType: 'urn:mayfly:step:v1', externalParameters: {} },
        runDetails: { builder: { id: 'https://mayfly.test/builders/tier-b' } },
      },
      ...fields,
    }),
  )

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
const spkiOf = (key: KeyObject) => key.export({ type: 'spki', format: 'der' })

export async function createWorld(): Promise<World> {
  const nowMs = Math.floor(Date.now() / 1000) * 1000
  const certificates = await createAuthority('mayfly.test', nowMs)
  const times = await createAuthority('times.mayfly.test', nowMs)
  const stampKeys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const stampLeaf = await certificateOf(times, stampKeys.publicKey, {
    subject: 'CN=times',
    notBefore: new Date(nowMs - 24 * hourMs),
    notAfter: new Date(nowMs + 24 * hourMs),
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.8'], true),
    ],
  })
  const stampKey = await privateKeyOf(stampKeys.privateKey)
  const log = createSigner('log.mayfly.test', randomBytes(32))
  const make = async (change: Change, by: 'certificate' | 'key') => {
    const keys = generateKeyPairSync('ec', { namedCurve: change.leaf?.curve ?? 'P-256' })
    const leaf =
      by === 'key' ? undefined : await leafOf(certificates, keys.publicKey, nowMs, change.leaf ?? {})
    const spki = spkiOf(keys.publicKey)
    const { content, digest, signature } = contentOf(change, keys.privateKey)
    const token = timestampOf({
      signature,
      timeMs: nowMs,
      key: stampKey,
      certificate: stampLeaf,
      ...change.timestamp,
    })
    const raw = leaf === undefined ? spki : Buffer.from(leaf.rawData)
    const hint = createHash('sha256').update(spki).digest('base64')
    const bundle: BundleJson = {
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: {
        ...(leaf === undefined ? { publicKey: { hint } } : { certificate: { rawBytes: base64(raw) } }),
        tlogEntries: [entryOf({ digest, signature, raw, by, log, change })],
        timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: base64(token) }] },
      },
      ...content,
    }
    return { bundle, publicKey: keys.publicKey.export({ type: 'spki', format: 'pem' }) }
  }
  return {
    nowMs,
    trustedRoot: rootOf(nowMs, certificates.certificate, [stampLeaf, times.certificate], log),
    caKey: Buffer.from(certificates.certificate.publicKey.rawData),
    tsaKey: Buffer.from(stampLeaf.publicKey.rawData),
    logKey: ed25519Spki(log),
    bundle: async (change = {}) => (await make(change, 'certificate')).bundle,
    byKey: (change = {}) => make(change, 'key'),
  }
}

async function privateKeyOf(key: webcrypto.CryptoKey): Promise<KeyObject> {
  const { createPrivateKey } = await import('node:crypto')
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}

function contentOf(change: Change, key: KeyObject) {
  if (change.message !== undefined) {
    const digest = createHash('sha256').update(change.message).digest()
    const signature = sign('sha256', change.message, key)
    const messageDigest = { algorithm: 'SHA2_256', digest: base64(digest) }
    return {
      digest,
      signature,
      content: { messageSignature: { messageDigest, signature: base64(signature) } },
    }
  }
  const type = change.payloadType ?? payloadType
  const payload = change.statement ?? statementOf()
  const pae = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload])
  const signature = sign('sha256', pae, key)
  const signatures = [{ sig: base64(signature) }]
  return {
    ...{ digest: createHash('sha256').update(pae).digest(), signature },
    content: { dsseEnvelope: { payload: base64(payload), payloadType: type, signatures } },
  }
}

/** Number 2 of a log of 7. */
function entryOf(options: {
  digest: Buffer
  signature: Buffer
  raw: Buffer
  by: 'certificate' | 'key'
  log: Signer
  change: Change
}): EntryJson {
  const { digest, signature, raw, by, log, change } = options
  const rawBytes = base64(raw)
  const entry = {
    kind: 'hashedrekord',
    apiVersion: '0.0.2',
    spec: {
      hashedRekordV002: {
        data: { digest: base64(digest), algorithm: 'SHA2_256' },
        signature: {
          content: base64(signature),
          verifier: {
            ...(by === 'key' ? { publicKey: { rawBytes } } : { x509Certificate: { rawBytes } }),
            keyDetails: 'PKIX_ECDSA_P256_SHA_256',
          },
        },
      },
    },
  }
  const body = Buffer.from(canonicalJson(change.entry?.(entry) ?? entry))
  const leaf = createHash('sha256')
    .update(Buffer.concat([Buffer.of(0), body]))
    .digest()
  const leaves = [1, 2, 3, 4, 5, 6, 7].map(() => new Uint8Array(randomBytes(32))).with(2, leaf)
  const root = base64(referenceRoot(leaves))
  const origin = change.log?.origin ?? log.name
  const keyId = createHash('sha256')
    .update(Buffer.concat([Buffer.from(`${log.name}\n`), Buffer.of(1), ed25519Spki(log).subarray(-32)]))
    .digest('base64')
  return {
    ...{ logIndex: '2', logId: { keyId }, kindVersion: { kind: 'hashedrekord', version: '0.0.2' } },
    integratedTime: '0',
    inclusionProof: {
      ...{ logIndex: '2', rootHash: root, treeSize: '7' },
      hashes: referencePath(2, leaves).map(base64),
      checkpoint: { envelope: signNote(`${origin}\n7\n${root}\n`, change.log?.signer ?? log) },
    },
    canonicalizedBody: base64(body),
  }
}

function ed25519Spki(log: Signer): Buffer {
  const raw = Buffer.from(log.verifierKey.split('+').slice(2).join('+'), 'base64').subarray(1)
  return Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw])
}

function rootOf(
  nowMs: number,
  certificates: x509.X509Certificate,
  times: readonly x509.X509Certificate[],
  log: Signer,
): RootJson {
  const validFor = { start: new Date(nowMs - 24 * hourMs).toISOString() }
  const authority = (organization: string, chain: readonly x509.X509Certificate[]): AuthorityJson => ({
    ...{ subject: { organization, commonName: organization }, uri: `https://${organization}`, validFor },
    certChain: { certificates: chain.map(({ rawData }) => ({ rawBytes: base64(new Uint8Array(rawData)) })) },
  })
  const spki = ed25519Spki(log)
  const keyId = createHash('sha256')
    .update(Buffer.concat([Buffer.from(`${log.name}\n`), Buffer.of(1), spki.subarray(-32)]))
    .digest('base64')
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        ...{ baseUrl: `https://${log.name}`, hashAlgorithm: 'SHA2_256', logId: { keyId } },
        publicKey: { rawBytes: base64(spki), keyDetails: 'PKIX_ED25519', validFor },
      },
    ],
    certificateAuthorities: [authority('mayfly.test', [certificates])],
    ctlogs: [],
    timestampAuthorities: [authority('times.mayfly.test', times)],
  }
}
