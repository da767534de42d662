import { readFileSync } from 'node:fs'
import { MayflyError, messageOf } from '../lib/index.ts'

/** Throws `bad_input` if it cannot be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
