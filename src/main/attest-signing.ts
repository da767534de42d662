import { configuredKeys, createPublishedSigner, createStoredPins } from '../attest/keys/index.ts'
import {
  createHeldKeySigner,
  createKeylessSigner,
  createLogSize,
  type AttestationLogClient,
  type BundleSigner,
} from '../attest/sign/index.ts'
import { createTrustKeeper, type Records, type TrustKeeper } from '../attest/trust/index.ts'
import { readEnvironment } from '../config/environment.ts'
import type { AttestDocument } from '../config/index.ts'
import { createHttpClient } from '../http-client/index.ts'
import { MayflyError, type Clock, type Secret } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import type { VaultKey } from '../vault/index.ts'

export interface AttestSigning {
  readonly trust: TrustKeeper
  /** What signs statements and files. Throws why nothing can be signed. */
  readonly signer: () => Promise<BundleSigner>
}

/** What signs attestations, and the trust document by which others take them. */
export function createAttestSigning(deps: {
  document: AttestDocument
  store: Store
  records: Records
  vaultKey: VaultKey
  clock: Clock
  openSecret: (name: string) => Promise<Secret>
  url: () => string
  logUrl: string
  logKey: string
  log: AttestationLogClient
}): AttestSigning {
  const { document, log, logUrl, logKey, clock } = deps
  const { variables } = readEnvironment()
  const http = createHttpClient()
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
  return {
    trust,
    async signer() {
      const { signer } = document
      if (signer !== 'keyless' && 'sigstore' in signer)
        throw new MayflyError('config_invalid', 'this server signs by no instance of Sigstore yet')
      return by
    },
  }
}
