import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MayflyError, messageOf, sha256Hex } from '../lib/index.ts'
import { readEnvironment } from '../config/environment.ts'

/** Of one server: the root keys that it may use, and the newest document that was seen. */
export interface TrustPin {
  /** PEM. */
  readonly root: readonly string[]
  readonly version: number
  /** The envelope, as it came. */
  readonly envelope: string
}

export interface TrustPins {
  read(server: string): TrustPin | undefined
  write(server: string, pin: TrustPin): void
}

/**
 * What `mayfly attest root fetch` has met, in the files in which `mayfly verify` keeps it (pinned-trust.ts): who pins by the one is
 * believed by the other. Throws `data_folder` if one cannot be read or written.
 */
export function createTrustPins(config = readEnvironment().configFolder): TrustPins {
  const folder = config === undefined ? undefined : join(config, 'trust')
  const fileOf = (server: string) =>
    folder === undefined ? undefined : join(folder, `${sha256Hex(server)}.json`)

  return {
    read(server) {
      const file = fileOf(server)
      if (file === undefined || !existsSync(file)) return undefined
      try {
        const { document, ...pin } = JSON.parse(readFileSync(file, 'utf8')) as Omit<TrustPin, 'envelope'> & {
          document: unknown
        }
        return { ...pin, envelope: JSON.stringify(document) }
      } catch (cause) {
        // Taken for missing it would be pinned anew, by whoever answers now.
        throw new MayflyError(
          'data_folder',
          `${file}, which says whose attestations you trust, cannot be read (${messageOf(cause)}): restore it, or remove it and say --root FILE`,
          { cause },
        )
      }
    },
    write(server, { root, version, envelope }) {
      const file = fileOf(server)
      // Where there is no home (a job in a container) nothing is remembered, and --root FILE says what to trust.
      if (file === undefined || folder === undefined) return
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        const document = JSON.parse(envelope) as unknown
        writeFileSync(`${file}.new`, `${JSON.stringify({ root, version, document })}\n`, { mode: 0o600 })
        chmodSync(`${file}.new`, 0o600)
        renameSync(`${file}.new`, file)
      } catch (cause) {
        throw new MayflyError('data_folder', `${file} cannot be written: ${messageOf(cause)}`, { cause })
      }
    },
  }
}
