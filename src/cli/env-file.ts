import { MayflyError } from '../lib/index.ts'

export interface EnvEntry {
  readonly key: string
  readonly value: string
  readonly line: number
  /** Its quotes say that several lines are meant. */
  readonly quoted: boolean
}

/**
 * Reads a .env file: `NAME=value`, `export NAME=value`, comments, single and double quotes over several lines. The dialects of
 * dotenv, docker, and shells differ in what backslashes, `$` and `#` mean: what would not be the same value everywhere is
 * refused, and single quotes hold anything as it is. Throws `bad_input` with the line's number and nothing of the line.
 */
export function readEnvFile(text: string, file: string): EnvEntry[] {
  const entries: EnvEntry[] = []
  let rest = text.replaceAll('\r\n', '\n')
  let line = 1
  const skip = (length: number) => {
    line += rest.slice(0, length).split('\n').length - 1
    rest = rest.slice(length)
  }
  const refuse = (problem: string): never => {
    throw new MayflyError('bad_input', `${file}:${line}: ${problem}`)
  }
  for (;;) {
    skip(/^(?:[ \t\n]|#[^\n]*)*/.exec(rest)?.[0].length ?? 0)
    if (rest === '') return entries
    const begin = /^(?:export[ \t]+)?(?<key>[A-Za-z_][A-Za-z0-9_.-]{0,99})[ \t]*=[ \t]*/.exec(rest)
    const key = begin?.groups?.['key'] ?? refuse('this is not NAME=value')
    rest = rest.slice(begin?.[0].length)
    const at = line
    const { value, length, quoted } = readEnvValue(rest, refuse)
    if (value === '') refuse(`${key} has no value`)
    skip(length)
    const tail = /^[ \t]*(?:#[^\n]*)?(?=\n|$)/.exec(rest) ?? refuse('something stands behind the quotes')
    skip(tail[0].length)
    entries.push({ key, value, line: at, quoted })
  }
}

const single = 'write the value in single quotes'

function readEnvValue(
  rest: string,
  refuse: (problem: string) => never,
): { value: string; length: number; quoted: boolean } {
  const quote = rest[0]
  if (quote === "'" || quote === '"') {
    const end = rest.indexOf(quote, 1)
    const value = end === -1 ? refuse('the quote is not closed') : rest.slice(1, end)
    if (quote === "'") return { value, length: end + 1, quoted: true }
    if (/\\(?!n)/.test(value)) refuse(`tools read a backslash in double quotes differently: ${single}`)
    if (/\$[A-Za-z_{(]/.test(value)) refuse(`some tools put a variable in place of $NAME: ${single}`)
    return { value: value.replaceAll(String.raw`\n`, '\n'), length: end + 1, quoted: true }
  }
  const raw = /^[^\n]*?(?=[ \t]+#|[ \t]*(?:\n|$))/.exec(rest)?.[0] ?? ''
  if (/["'`\\#]/.test(raw))
    refuse(`tools read quotes, # and backslashes in a bare value differently: ${single}`)
  if (/\$[A-Za-z_{(]/.test(raw)) refuse(`some tools put a variable in place of $NAME: ${single}`)
  return { value: raw, length: raw.length, quoted: false }
}
