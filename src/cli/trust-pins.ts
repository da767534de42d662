import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MayflyError, messageOf } from '../lib/index.ts'
import { readEnvironment } from '../config/environment.ts'

/** By server: the root keys that it may use, and the newest document that was seen. */
export interface TrustPin {
  /** PEM. */
  readonly root: readonly string[]
  readonly version: number
  /** The envelope, as it came. */
  readonly envelope: string
}

export interface TrustPins {
  readonly file: string | undefined
  read(server: string): TrustPin | undefined
  write(server: string, pin: TrustPin): void
}

/** What `mayfly attest root fetch` and `mayfly verify` have met. Throws `data_folder` if the file cannot be read or written. */
export function createTrustPins(folder = readEnvironment().configFolder): TrustPins {
  const file = folder === undefined ? undefined : join(folder, 'trust.json')

  function load(): Record<string, TrustPin> {
    if (file === undefined || !existsSync(file)) return {}
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as Record<string, TrustPin>
    } catch (cause) {
      // Taken for missing it would be pinned anew, by whoever answers now.
      throw new MayflyError(
        'data_folder',
        `${file}, which says whose attestations you trust, cannot be read (${messageOf(cause)}): restore it, or remove it and say --root FILE`,
        { cause },
      )
    }
  }

  return {
    file,
    read: (server) => {
      const pins = load()
      return Object.hasOwn(pins, server) ? pins[server] : undefined
    },
    write(server, pin) {
      // Where there is no home (a job in a container) nothing is remembered, and --root FILE says what to trust.
      if (file === undefined) return
      try {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
        writeFileSync(`${file}.new`, `${JSON.stringify({ ...load(), [server]: pin }, null, 2)}\n`, {
          mode: 0o600,
        })
        chmodSync(`${file}.new`, 0o600)
        renameSync(`${file}.new`, file)
      } catch (cause) {
        throw new MayflyError('data_folder', `${file} cannot be written: ${messageOf(cause)}`, { cause })
      }
    },
  }
}
