import { readFileSync } from 'node:fs'
import { MayflyError, Secret, messageOf } from '../lib/index.ts'

/** One line, without the newline that editors add. Throws `credential_failed`. */
export function secretIn(file: string): Secret {
  const text = textIn(file).replace(/\r?\n$/, '')
  if (text === '') throw new MayflyError('credential_failed', `${file} is empty`)
  return new Secret(text)
}

/** Throws `credential_failed`. */
export function textIn(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new MayflyError('credential_failed', `${file} cannot be read (${messageOf(cause)})`, { cause })
  }
}
