import { configuredKeys, createPublishedSigner, createStoredPins } from '../attest/keys/index.ts'
import {
  createHeldKeySigner,
  createKeylessSigner,
  createLogSize,
  type AttestationLogClient,
  type BundleSigner,
} from '../attest/sign/index.ts'
import { createHeldIdentities, createSigstore } from '../attest/sigstore/index.ts'
import { createTrustKeeper, type Records, type TrustKeeper } from '../attest/trust/index.ts'
import { parseTrustedRoot, Refusal, type Trust } from '../attest/verify/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import { readText } from '../cli/index.ts'
import { readEnvironment } from '../config/environment.ts'
import type { AttestDocument } from '../config/index.ts'
import type { HttpClient } from '../http-client/index.ts'
import { MayflyError, type Clock, type Secret } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import type { VaultKey } from '../vault/index.ts'

export interface AttestSigning {
  readonly trust: TrustKeeper
  /** What signs of a step. Throws why nothing can be signed. */
  readonly signer: (step: string) => Promise<BundleSigner>
  /** By an instance of Sigstore: it takes identity tokens of jobs for this audience. */
  readonly identities:
    | {
        readonly audience: string
        hold(step: string, token: string): void
        /** Until when the one of this step is good; undefined if there is none. */
        untilMs(step: string): number | undefined
      }
    | undefined
}

function sigstoreOf({ signer }: AttestDocument, { http, clock }: { http: HttpClient; clock: Clock }) {
  if (signer === 'keyless' || !('sigstore' in signer)) return undefined
  const { trusted_root: file, ca, ...named } = signer.sigstore
  return {
    audience: named.audience,
    held: createHeldIdentities({ audience: named.audience, clock }),
    sigstore: createSigstore({
      ...{ ...named, http, clock, trust: trustIn(file) },
      ...(ca === undefined ? {} : { ca: readText(ca) }),
    }),
  }
}

function trustIn(file: string): Trust {
  try {
    return parseTrustedRoot(readText(file))
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new MayflyError('config_invalid', `${file} is no trusted root of Sigstore: ${cause.message}`, {
      cause,
    })
  }
}

/** What signs attestations, and the trust document by which others take them. */
export function createAttestSigning(deps: {
  document: AttestDocument
  store: Store
  records: Records
  vaultKey: VaultKey
  clock: Clock
  openSecret: (name: string) => Promise<Secret>
  /** By the company’s proxy, where there is one. */
  http: HttpClient
  url: () => string
  logUrl: string
  logKey: string
  log: AttestationLogClient
  auditHealth: AuditClient['health']
}): AttestSigning {
  const { document, log, logUrl, logKey, clock, http } = deps
  const { variables } = readEnvironment()
  const outer = configuredKeys(document, {
    http,
    variables,
    openSecret: deps.openSecret,
    pins: createStoredPins(deps),
  })
  const size = createLogSize({ url: logUrl, verifierKey: logKey })
  const trust = createTrustKeeper({ ...deps, log: { keys: () => log.keys(), size }, outer })
  const { check } = trust
  const by =
    outer.signer === undefined
      ? createKeylessSigner({ log, clock, check, authority: () => trust.authority() })
      : createHeldKeySigner({
          ...{ log, check },
          signer: createPublishedSigner(outer.signer, () => trust.inForce()?.payload),
        })
  const instance = sigstoreOf(document, { http, clock })
  return {
    trust,
    identities: instance && {
      audience: instance.audience,
      hold: (...of) => instance.held.hold(...of),
      untilMs: (step) => instance.held.untilMs(step),
    },
    async signer(step) {
      if (instance === undefined) return by
      // What signs is elsewhere and goes on while our own log is away, which would not know of it.
      const health = await deps.auditHealth()
      if (!health.ok) throw new MayflyError('audit_unavailable', `nothing is signed: ${health.reason}`)
      return instance.sigstore.signer(instance.held.of(step))
    },
  }
}
