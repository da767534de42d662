import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MayflyError, messageOf } from '../lib/index.ts'
import { readEnvironment } from '../config/environment.ts'

/** What `mayfly login` keeps, by server: a token of hours, in a file that only its owner can read. */
export interface Credentials {
  read(server: string): { readonly token: string; readonly expires: string } | undefined
  write(server: string, kept: { token: string; expires: string }): void
  forget(server: string): void
}

type Kept = Record<string, { token: string; expires: string }>

/** Throws `data_folder` if the file cannot be read or written. */
export function createCredentials(folder = readEnvironment().configFolder): Credentials {
  const file = folder === undefined ? undefined : join(folder, 'credentials.json')

  function load(): Kept {
    if (file === undefined || !existsSync(file)) return {}
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Kept
    } catch (cause) {
      throw new MayflyError(
        'data_folder',
        `${file} cannot be read (${messageOf(cause)}): remove it, then mayfly login`,
        {
          cause,
        },
      )
    }
  }

  function save(kept: Kept): void {
    if (file === undefined)
      throw new MayflyError('data_folder', 'there is no home: set HOME or XDG_CONFIG_HOME')
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
      const partial = `${file}.new`
      writeFileSync(partial, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 })
      // One that was there before keeps its mode.
      chmodSync(partial, 0o600)
      renameSync(partial, file)
    } catch (cause) {
      throw new MayflyError('data_folder', `${file} cannot be written: ${messageOf(cause)}`, { cause })
    }
  }

  return {
    read: (server) => {
      const kept = load()
      return Object.hasOwn(kept, server) ? kept[server] : undefined
    },
    write: (server, kept) => save({ ...load(), [server]: kept }),
    forget(server) {
      const { [server]: _, ...rest } = load()
      save(rest)
    },
  }
}
