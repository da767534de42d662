import { existsSync } from 'node:fs'
import { MayflyError } from '../../lib/index.ts'
import { decrypt, encrypt } from '../cipher.ts'
import type { KeyProvider } from '../provider.ts'
import { loadVaultKey } from '../vault-key.ts'

/** 32 bytes in a file of their own, for its owner only; read each time, and not kept. */
export function createKeyFileProvider(file: string): KeyProvider {
  return {
    kind: 'key-file',
    describe: file,
    // eslint-disable-next-line typescript/require-await
    async wrap(key, context) {
      if (!existsSync(file))
        throw new MayflyError(
          'bad_input',
          `the key file ${file} is not there yet: make it with (umask 077; openssl rand -base64 32 > ${file})`,
        )
      return encrypt(loadVaultKey(file).reveal(), context, key).toString('base64')
    },
    // eslint-disable-next-line typescript/require-await
    async unwrap(wrapped, context) {
      const key = loadVaultKey(file).reveal()
      try {
        return decrypt(key, context, Buffer.from(wrapped, 'base64'))
      } catch (cause) {
        throw new MayflyError(
          'vault_key',
          `the vault does not open with this vault key: restore the key file ${file} that belongs to this data folder`,
          { cause },
        )
      }
    },
  }
}
