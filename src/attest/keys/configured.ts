import type { AttestDocument, SigningKeyConfig } from '../../config/index.ts'
import type { HttpClient } from '../../http-client/index.ts'
import { keyServiceClients, moduleVariables, secretIn } from '../../key-services/index.ts'
import type { Secret } from '../../lib/index.ts'
import type { Signer } from '../sign/index.ts'
import { createAwsKmsHolder } from './aws-kms.ts'
import { createAzureKeyVaultHolder } from './azure-key-vault.ts'
import { createCheckedSigner } from './checked.ts'
import { createGcpKmsHolder } from './gcp-kms.ts'
import type { KeyHolder } from './holder.ts'
import { createKeyFileHolder, createSecretHolder } from './pem-key.ts'
import type { KeyPins } from './pins.ts'
import { createPkcs11Holder } from './pkcs11.ts'
import { createTransitHolder } from './transit.ts'

export interface HolderDeps {
  readonly http: HttpClient
  /** Of this process: who it is in Azure, what a module reads. */
  readonly variables: Readonly<Record<string, string>>
  readonly openSecret: (name: string) => Promise<Secret>
}

/** The keys that the file names, each held to what it was at its first use. */
export interface ConfiguredKeys {
  /** Signs without a certificate. */
  readonly signer?: Signer
  /** Of the own authority. */
  readonly ca?: Signer
  /** What takes over later, from the same kind or from another. */
  readonly next?: { readonly ca: Signer } | { readonly signer: Signer } | 'keyless'
}

/** Nothing is asked before a key is used. */
export function configuredKeys(
  { signer, ca, next }: Pick<AttestDocument, 'signer' | 'ca' | 'next'>,
  deps: HolderDeps & { readonly pins: KeyPins },
): ConfiguredKeys {
  const checked = (config: SigningKeyConfig) => createCheckedSigner(keyHolder(config, deps), deps.pins)
  return {
    ...(signer === 'keyless' || 'sigstore' in signer ? {} : { signer: checked(signer) }),
    ...(ca === undefined ? {} : { ca: checked(ca) }),
    ...(next === undefined ? {} : { next: nextOf(next, signer, checked) }),
  }
}

function nextOf(
  next: NonNullable<AttestDocument['next']>,
  signer: AttestDocument['signer'],
  checked: (config: SigningKeyConfig) => Signer,
): NonNullable<ConfiguredKeys['next']> {
  if (next === 'keyless') return next
  if ('signer' in next) return { signer: checked(next.signer) }
  if ('ca' in next) return { ca: checked(next.ca) }
  return signer === 'keyless' ? { ca: checked(next) } : { signer: checked(next) }
}

/** The holder of a key that `mayfly up --attest FILE` names. No file that it names is read before it is needed. */
export function keyHolder(config: SigningKeyConfig, deps: HolderDeps): KeyHolder {
  const clients = keyServiceClients(deps)
  if ('key-file' in config) return createKeyFileHolder(config['key-file'].path)
  if ('secret' in config) return createSecretHolder(config.secret, deps.openSecret)
  if ('aws-kms' in config) {
    const { key, ...reached } = config['aws-kms']
    return createAwsKmsHolder({ key, aws: clients.aws(reached) })
  }
  if ('gcp-kms' in config) {
    const { key, endpoint, ...reached } = config['gcp-kms']
    return createGcpKmsHolder({ key, endpoint, gcp: clients.gcp(reached) })
  }
  if ('azure-key-vault' in config) {
    const { vault, key, version, ...reached } = config['azure-key-vault']
    return createAzureKeyVaultHolder({ vault, key, version, azure: clients.azure(reached) })
  }
  if ('transit' in config) {
    const { key, mount, version, ...reached } = config.transit
    return createTransitHolder({ key, mount, version, transit: clients.transit(reached) })
  }
  const { pin_file: pin, environment, ...rest } = config.pkcs11
  const variables = moduleVariables(environment, deps.variables)
  return createPkcs11Holder({ ...rest, variables, pin: () => secretIn(pin) })
}
