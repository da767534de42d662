import { readFileSync } from 'node:fs'
import { MayflyError, messageOf } from '../lib/index.ts'

/** Throws `bad_input` if it cannot be read, or is in UTF-16. */
export function readText(file: string): string {
  const bytes = bytesOf(file)
  // What `>` of Windows' PowerShell writes.
  if (
    bytes
      .subarray(0, 2)
      .toString('latin1')
      .match(/^(?:\xff\xfe|\xfe\xff)/) !== null
  )
    throw new MayflyError(
      'bad_input',
      `${file} is in UTF-16: save it in UTF-8 (PowerShell: Out-File -Encoding utf8NoBOM)`,
    )
  return bytes.toString('utf8')
}

/** The same for JSON, which begins with no byte order mark: not everybody would read it then. */
export function readJsonText(file: string): string {
  const text = readText(file)
  if (text.startsWith('\uFEFF'))
    throw new MayflyError(
      'bad_input',
      `${file} begins with a byte order mark, which JSON has not: save it in UTF-8 without one (PowerShell: Out-File -Encoding utf8NoBOM)`,
    )
  return text
}

function bytesOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}
