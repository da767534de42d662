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
  readonly document: unknown
}

export interface TrustPins {
  /** Where there is no home (a job in a container) nothing is remembered, and --root FILE says whom to trust. */
  readonly isKept: boolean
  read(server: string): TrustPin | undefined
  write(server: string, pin: TrustPin): void
}

/** One file for each server. Throws `data_folder` if one cannot be read or written. */
export function createTrustPins(config = readEnvironment().configFolder): TrustPins {
  const folder = config === undefined ? undefined : join(config, 'trust')
  const fileOf = (server: string) =>
    folder === undefined ? undefined : join(folder, `${sha256Hex(server)}.json`)

  function read(server: string): TrustPin | undefined {
    const file = fileOf(server)
    return file === undefined || !existsSync(file) ? undefined : readPin(file)
  }

  return {
    isKept: folder !== undefined,
    read,
    write(server, { root, version, document }) {
      const file = fileOf(server)
      if (file === undefined || folder === undefined) return
      // Another command may have seen a newer one meanwhile.
      if ((read(server)?.version ?? 0) > version) return
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        const partial = `${file}.${process.pid}`
        writeFileSync(partial, `${JSON.stringify({ root, version, document })}\n`, { mode: 0o600 })
        chmodSync(partial, 0o600)
        renameSync(partial, file)
      } catch (cause) {
        throw new MayflyError('data_folder', `${file} cannot be written: ${messageOf(cause)}`, { cause })
      }
    },
  }
}

/** One that is damaged is not taken for missing: whoever answers now would be pinned. */
function readPin(file: string): TrustPin {
  const unreadable = (why: string, cause?: unknown) =>
    new MayflyError(
      'data_folder',
      `${file}, which says whose attestations you trust, cannot be read (${why}): restore it, or remove it and say --root FILE`,
      { cause },
    )
  let pin: Partial<TrustPin> | null
  try {
    pin = JSON.parse(readFileSync(file, 'utf8')) as Partial<TrustPin> | null
  } catch (cause) {
    throw unreadable(messageOf(cause), cause)
  }
  const { root, version, document } = pin ?? {}
  const isList = Array.isArray(root) && root.length > 0 && root.every((key) => typeof key === 'string')
  if (!isList || typeof version !== 'number' || !Number.isSafeInteger(version))
    throw unreadable('it names no root key, or no version')
  return { root, version, document }
}
