import type { ProviderConfig, VaultDocument } from '../config/index.ts'
import type { HttpClient } from '../http-client/index.ts'
import {
  keyServiceClients,
  moduleVariables,
  secretIn,
  type KeyServiceClients,
} from '../key-services/index.ts'
import type { KeyProvider } from './provider.ts'
import { createAwsKmsProvider } from './providers/aws-kms.ts'
import { createAzureKeyVaultProvider } from './providers/azure-key-vault.ts'
import { createGcpKmsProvider } from './providers/gcp-kms.ts'
import { createKeyFileProvider } from './providers/key-file.ts'
import { createPassphraseProvider } from './providers/passphrase.ts'
import { createPkcs11Provider } from './providers/pkcs11.ts'
import { createTransitProvider } from './providers/transit.ts'

interface ProviderDeps {
  readonly http: HttpClient
  /** Of this process: who it is in Azure. */
  readonly variables: Readonly<Record<string, string>>
}

/** The providers of `mayfly up --vault FILE`. No file that they name is read before it is needed. */
export function configuredProviders({ use, providers }: VaultDocument, deps: ProviderDeps) {
  const clients = keyServiceClients(deps)
  const made = Object.entries(providers).map(
    ([name, config]) => [name, providerOf(config, clients, deps.variables)] as const,
  )
  return { use, providers: new Map(made) }
}

function providerOf(
  config: ProviderConfig,
  clients: KeyServiceClients,
  ofProcess: ProviderDeps['variables'],
): KeyProvider {
  if ('key-file' in config) return createKeyFileProvider(config['key-file'].path)
  if ('passphrase' in config) {
    const { file } = config.passphrase
    return createPassphraseProvider(
      file === undefined ? { describe: 'given by hand' } : { describe: file, read: () => secretIn(file) },
    )
  }
  if ('aws-kms' in config) {
    const { key, ...reached } = config['aws-kms']
    return createAwsKmsProvider({ key, aws: clients.aws(reached) })
  }
  if ('gcp-kms' in config) {
    const { key, endpoint, ...reached } = config['gcp-kms']
    return createGcpKmsProvider({ key, endpoint, gcp: clients.gcp(reached) })
  }
  if ('azure-key-vault' in config) {
    const { vault, key, ...reached } = config['azure-key-vault']
    return createAzureKeyVaultProvider({ vault, key, azure: clients.azure(reached) })
  }
  if ('transit' in config) {
    const { key, mount, ...reached } = config.transit
    return createTransitProvider({ key, mount, transit: clients.transit(reached) })
  }
  const { pin_file: pin, environment, ...rest } = config.pkcs11
  const variables = moduleVariables(environment, ofProcess)
  return createPkcs11Provider({ ...rest, variables, pin: () => secretIn(pin) })
}
