import { parse } from 'smol-toml'
import { MayflyError, firstLineOf } from '../lib/index.ts'

/** A TOML text that a step chose, as plain data. Throws `bad_input`. */
export function readToml(text: string, file: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text)
  } catch (error) {
    throw new MayflyError('bad_input', `${file} is not TOML: ${firstLineOf(error)}`)
  }
}

/** What stands in an array; of anything else nothing. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}
