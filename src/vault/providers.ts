import { MayflyError } from '../lib/index.ts'
import type { KeyProvider, KeyProviders } from './provider.ts'
import { createKeyFileProvider } from './providers/key-file.ts'

/** The name of what is there without configuration. */
export const keyFileName = 'key-file'

/** Those of `mayfly up --vault FILE`, and the key file of the data folder. */
export function keyProviders(
  keyFile: string,
  configured: { readonly use: string; readonly providers: ReadonlyMap<string, KeyProvider> } = {
    use: keyFileName,
    providers: new Map(),
  },
): KeyProviders {
  const { use, providers } = configured
  return {
    use,
    named(name) {
      const found = providers.get(name) ?? (name === keyFileName ? createKeyFileProvider(keyFile) : undefined)
      if (found !== undefined) return found
      const known = [...providers.keys(), keyFileName].join(', ')
      throw new MayflyError(
        'config_invalid',
        `there is no key provider "${name}" (there are ${known}): name it in the file of mayfly up --vault`,
      )
    },
  }
}
