import { existsSync, writeFileSync } from 'node:fs'
import { MayflyError, messageOf } from '../lib/index.ts'
import { bytesOf, readBytes } from './text-file.ts'

/** Keys, policies, checkpoints and proofs are far smaller. */
const maxTextBytes = 1_048_576

/** A file that a person names; a pipe as well: `--key <(ssh ...)`. Throws `bad_input`. */
export function readText(file: string): string {
  return readInput(file, maxTextBytes).toString()
}

/** The same in bytes. */
export function readInput(file: string, maxBytes: number): Buffer {
  return readBytes(file, { maxBytes })
}

/**
 * A file that stands in the log's or the server's own folder, which nobody named and nobody may hold us up with: a pipe or a
 * device is none. Throws `bad_input` when there is none by that name, else `audit_unavailable`.
 */
export function readOwnText(file: string): string {
  try {
    return bytesOf(file, { maxBytes: maxTextBytes, isFound: true }).toString()
  } catch (cause) {
    const code = existsSync(file) ? 'audit_unavailable' : 'bad_input'
    throw new MayflyError(code, `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/** A file that a person asked for. Throws `bad_input`. */
export function writeOutput(file: string, content: string | Uint8Array): void {
  try {
    writeFileSync(file, content)
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}
