import { readEnvironment } from '../config/environment.ts'
import { vaultSchema, type VaultDocument } from '../config/index.ts'
import { createHttpClient } from '../http-client/index.ts'
import { configuredProviders, keyProviders, type KeyProviders } from '../vault/index.ts'
import { readServerFile } from './server-file.ts'

/** The key providers of `mayfly up --vault FILE`, as the file is now. Throws `config_invalid`. */
export function providersOf(file: string | undefined, keyFile: string): KeyProviders {
  if (file === undefined) return keyProviders(keyFile)
  const { variables } = readEnvironment()
  return keyProviders(
    keyFile,
    configuredProviders(readVaultFile(file), { http: createHttpClient(), variables }),
  )
}

/** Does a new store need the data folder's own key file? */
export function usesKeyFile(file: string | undefined): boolean {
  if (file === undefined) return true
  const { use, providers } = readVaultFile(file)
  return use === 'key-file' && !('key-file' in providers)
}

function readVaultFile(file: string): VaultDocument {
  return readServerFile(file, vaultSchema)
}
