import { closeSync, constants, existsSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs'
import { kindOf } from '../audit/verify/node.ts'
import { MayflyError, messageOf } from '../lib/index.ts'

/** Keys, policies, checkpoints and proofs are far smaller. */
const maxTextBytes = 1_048_576

/** A file that a person names; a pipe as well: `--key <(ssh ...)`. Throws `bad_input`. */
export function readText(file: string): string {
  return readInput(file, maxTextBytes).toString()
}

/** The same in bytes. */
export function readInput(file: string, maxBytes: number): Buffer {
  try {
    return readUpTo(file, maxBytes, false)
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/**
 * A file that stands in the log's or the server's own folder, which nobody named and nobody may hold us up with: a pipe or a
 * device is none. Throws `bad_input` when there is none by that name, else `audit_unavailable`.
 */
export function readOwnText(file: string): string {
  try {
    return readUpTo(file, maxTextBytes, true).toString()
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

function readUpTo(file: string, maxBytes: number, regular: boolean): Buffer {
  const fd = openSync(file, constants.O_RDONLY | (regular ? constants.O_NONBLOCK : 0))
  try {
    const stat = fstatSync(fd)
    if (regular && !stat.isFile()) throw new Error(`it is ${kindOf(stat)}, not a file`)
    const bytes = Buffer.alloc(maxBytes + 1)
    let at = 0
    for (let got = -1; got !== 0 && at < bytes.length; at += got)
      got = readSync(fd, bytes, at, bytes.length - at, null)
    if (at > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`)
    return bytes.subarray(0, at)
  } finally {
    closeSync(fd)
  }
}
