import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { HttpClient } from '../../http-client/index.ts'
import { MayflyError, type Clock, type Secret } from '../../lib/index.ts'
import { createCertifiedSigner, type AttestationLog, type BundleSigner } from '../sign/index.ts'
import {
  checkTimestamp,
  verifyBundle,
  verifyCertificate,
  type SignerIdentity,
  type Trust,
} from '../verify/index.ts'
import { requestCertificate } from './fulcio.ts'
import { readIdentityToken } from './identity-token.ts'
import { addToRekor } from './rekor.ts'
import { unusable, type Service } from './services.ts'
import { requestTimestamp } from './timestamp.ts'

export interface SigstoreOptions {
  readonly http: HttpClient
  readonly clock: Clock
  /** URLs of its services. */
  readonly fulcio: string
  readonly rekor: string
  readonly timestamp: string
  readonly audience: string
  /** What the instance's trusted root says. */
  readonly trust: Trust
  /** PEM, trusted beside the system's. */
  readonly ca?: string | undefined
}

export interface Sigstore {
  /** Signs for the job that this token is of. */
  signer(token: Secret): BundleSigner
}

/** Throws `config_invalid` if the trusted root does not name the log. */
export function createSigstore(options: SigstoreOptions): Sigstore {
  const { http, clock, ca, trust, audience } = options
  const service = (name: string, url: string): Service => ({ name, http, url, ca })
  const fulcio = service('Fulcio', options.fulcio)
  const log = logOf(
    options,
    service('Rekor', options.rekor),
    service('The timestamp authority', options.timestamp),
  )

  async function certify(
    token: Secret,
    who: SignerIdentity,
  ): Promise<{ certificate: Buffer; privateKey: KeyObject }> {
    const { subject } = readIdentityToken(token.reveal(), audience, clock.nowMs())
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const certificate = await requestCertificate(fulcio, { token, subject, privateKey })
    // Before anything is signed and logged by it, where everybody reads it.
    const verified = verifyCertificate(certificate, trust, clock.nowMs())
    if (!verified.ok)
      throw new MayflyError(
        'audit_rejected',
        `the certificate of Fulcio does not verify by the trusted root, and was not used: ${verified.detail}`,
      )
    refuseOtherJob(verified.identity, who)
    return { certificate, privateKey }
  }

  return {
    signer(token) {
      const check = (json: string) => verifyBundle(json, trust, { nowMs: clock.nowMs() })
      return createCertifiedSigner({ log, check, certify: (who) => certify(token, who) })
    },
  }
}

const compared = ['sourceRepositoryIdentifier', 'sourceRepositoryDigest', 'runInvocationURI'] as const

/** A token of another job of the same CI would sign as that one, over what this one did. */
function refuseOtherJob(certified: SignerIdentity, who: SignerIdentity): void {
  const differs = [
    ...(certified.issuer === who.issuer ? [] : ['issuer']),
    ...compared.filter((name) => {
      const [there, here] = [certified.claims[name], who.claims[name]]
      return there !== undefined && here !== undefined && there !== here
    }),
  ]
  if (differs.length === 0) return
  throw new MayflyError(
    'bad_token',
    `the identity token for signing is of another job than the one that ran the step (${differs.join(', ')}), and nothing was signed`,
  )
}

/** Rekor and the timestamp authority in the place of our own log. */
function logOf({ trust, rekor: url }: SigstoreOptions, rekor: Service, authority: Service): AttestationLog {
  const { hostname: origin } = new URL(url)
  const known = trust.logs.find(({ name }) => name === origin)
  if (known === undefined)
    throw new MayflyError(
      'config_invalid',
      `the trusted root names no log ${origin} of Rekor v2 (Ed25519): check rekor and trusted_root; the public logs change about twice a year`,
    )
  const raw = known.key.export({ type: 'spki', format: 'der' }).subarray(-32)
  const typed = Buffer.concat([Buffer.of(1), raw]).toString('base64')
  const verifierKey = `${origin}+${known.keyId.toString('hex').slice(0, 8)}+${typed}`
  return {
    async add(entry, signature) {
      // First, since it leaves nothing in a log.
      const timestamp = await requestTimestamp(authority, signature)
      const stamped = checkTimestamp(timestamp, signature, trust)
      if (!stamped.ok)
        throw unusable(authority.name, `no timestamp that the trusted root verifies (${stamped.detail})`)
      return { ...(await addToRekor(rekor, entry)), timestamp }
    },
    keys: () => Promise.resolve({ origin, verifierKey, timestampChain: [], sinceMs: known.validFor.startMs }),
  }
}
