import { readFileSync } from 'node:fs'
import { azureIdentity, createAwsClient, createAzureClient, createGcpClient } from '../clouds/index.ts'
import type { ProviderConfig, VaultDocument } from '../config/index.ts'
import type { HttpClient } from '../http-client/index.ts'
import { MayflyError, Secret, messageOf } from '../lib/index.ts'
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
  const made = Object.entries(providers).map(([name, config]) => [name, providerOf(config, deps)] as const)
  return { use, providers: new Map(made) }
}

function providerOf(config: ProviderConfig, { http, variables }: ProviderDeps): KeyProvider {
  if ('key-file' in config) return createKeyFileProvider(config['key-file'].path)
  if ('passphrase' in config) {
    const { file } = config.passphrase
    return createPassphraseProvider(
      file === undefined ? { describe: 'given by hand' } : { describe: file, read: () => secretIn(file) },
    )
  }
  if ('aws-kms' in config) {
    const { key, region, endpoint, ca } = config['aws-kms']
    return createAwsKmsProvider({ key, aws: createAwsClient({ http, region, endpoint, ca: pem(ca) }) })
  }
  if ('gcp-kms' in config) {
    const { key, credentials: keyFile, endpoint, ca } = config['gcp-kms']
    return createGcpKmsProvider({ key, endpoint, gcp: createGcpClient({ http, keyFile, ca: pem(ca) }) })
  }
  if ('azure-key-vault' in config) {
    const { vault, key, ca } = config['azure-key-vault']
    const identity = azureIdentity(variables)
    return createAzureKeyVaultProvider({
      vault,
      key,
      azure: createAzureClient({ http, identity, ca: pem(ca) }),
    })
  }
  if ('transit' in config) {
    const { auth, ca, ...rest } = config.transit
    return createTransitProvider({
      ...{ http, ...rest, ca: pem(ca) },
      auth:
        'token_file' in auth
          ? { token: () => secretIn(auth.token_file) }
          : { jwt: () => secretIn(auth.jwt_file), role: auth.role, mount: auth.mount },
    })
  }
  const { pin_file: pin, ...rest } = config.pkcs11
  return createPkcs11Provider({ ...rest, pin: () => secretIn(pin) })
}

function pem(file: string | undefined): string | undefined {
  return file === undefined ? undefined : textIn(file)
}

/** One line, without the newline that editors add. */
function secretIn(file: string): Secret {
  const text = textIn(file).replace(/\r?\n$/, '')
  if (text === '') throw new MayflyError('credential_failed', `${file} is empty`)
  return new Secret(text)
}

function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new MayflyError('credential_failed', `${file} cannot be read (${messageOf(cause)})`, { cause })
  }
}
