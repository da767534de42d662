import type { Place } from './places.ts'

/** What is given to a name. */
export interface Assignment {
  readonly value: string
  /** Of the value. */
  readonly start: number
  readonly isQuoted: boolean
  /** What stands before on the line, at most 48 bytes of it. */
  readonly before: string
}

const maxBefore = 48
const maxBehind = 400
const maxValue = 256

/** What a name is given, in any of the languages below. */
export function assignmentAt(bytes: Buffer, name: string, { start, end }: Place): Assignment | undefined {
  const behind = bytes.toString('latin1', end, Math.min(end + maxBehind, bytes.length))
  const before = bytes.toString('latin1', Math.max(0, start - maxBefore), start).replace(/^.*[\r\n]/s, '')
  const at = valueBegins(name, before, behind)
  const read = at === undefined ? undefined : valueAt(behind, at, before)
  return read && { before, ...read, start: end + read.start }
}

/** `name` and `value` are of one element or object: `- name: X`, `<add key="X" value="…"/>`, `variable "x" { default = "…" }`. */
const isNamed = /(?:name|key|Name|Key|NAME|KEY)["']?\s{0,4}[:=]\s{0,4}["']?$/
const valueOfNamed = /^["']?,?\s{1,60}["']?(?:value|Value|VALUE)["']?\s{0,4}[:=]\s{0,4}/
const ofVariable = /^"\s{0,4}\{[^{}]{0,200}?\bdefault\s{0,12}=\s{0,4}/
/** `setPassword('…')`, `.password('…')`; `verifyPassword('…')` gives nothing. */
const setter = /^(?:.*\.)?(?:(?:set|with)_?[A-Za-z]\w{0,30}|password|secret|token)$/
const closed = /^(?:\\{0,3}["'`])?[\])]{0,2}/
const typed =
  /^(?:\??\s{0,4}:\s{0,4}(?:[a-z]{0,10}\s)?(?:string|str|String\??|bytes|SecretStr|any|&(?:'[a-z]{1,9}\s)?(?:str|\[u8(?:;\s?[0-9]{1,4})?\])|Option(?:al)?[<[]&?(?:'[a-z]{1,9}\s)?[sS]tr(?:ing)?[>\]])(?:\s?\|\s?[A-Za-z]{1,12}){0,3}|\s{1,4}(?:string|\[\]byte))(?=\s{0,12}:?=)/
const given =
  /^(?:\[[0-9]{0,4}\])?[ \t]{0,40}(?:=>|:=|===?|!==?|\+=|\?\?=?|\|\|=?|=|:(?!:)|,)[ \t]{0,40}(?:\r?\n[ \t]{1,40}(?=["'`])|!!str[ \t]{1,8}|(?:new[ \t]{1,4})?(?:String(?:::from)?|Some|Secret(?:Str(?:ing)?)?(?:::new|::from)?|(?:aws|pulumi)\.String|Buffer\.from)\([ \t]{0,4}(?=["'`]))?/
/** `password: |` with its value in the next line, and nothing more; `password =`, and the value below it. */
const below =
  /^[ \t]{0,8}(?::[ \t]{1,8}[|>][-+1-9]{0,2}|=)[ \t]{0,8}\r?\n([ \t]{1,40})(?=[^\s"'`#;[]{4,256}[ \t]{0,8}(?:\r?\n|$))/
const asDefault = /^[ \t]{0,4}(?:or|\|\||\?\?|,)\s{1,4}/

function valueBegins(name: string, before: string, behind: string): number | undefined {
  const close = closed.exec(behind)?.[0].length ?? 0
  if (isNamed.test(before)) {
    const named = valueOfNamed.exec(behind)
    if (named) return named[0].length
  }
  if (/variable\s{1,4}"$/.test(before)) return ofVariable.exec(behind)?.[0].length
  const rest = behind.slice(close)
  if (rest.startsWith('>')) return /<[^<>]{0,48}$/.test(before) ? close + 1 : undefined
  if (/^\(\s{0,4}["'`]/.test(rest))
    return setter.test(name) || /(?:^|[\s:])string[ \t]{1,4}$/.test(before)
      ? close + rest.search(/["'`]/)
      : undefined
  const flag = /(?:^|\s)$/.test(before) && name.startsWith('--') ? /^[ =]{1,2}/.exec(rest) : null
  if (flag) return close + flag[0].length
  if (/^(?:ENV|export|set|setx|env)\s{1,4}$/.test(before) && rest.startsWith(' ')) return close + 1
  if (/#[ \t]{0,4}define[ \t]{1,8}$/.test(before))
    return close + (/^[ \t]{1,40}(?=")/.exec(rest)?.[0].length ?? Number.NaN)
  if (/^\s*[\w.-]*$/.test(before)) {
    const block = below.exec(rest)
    if (block) return isAlone(rest, block[0].length, block[1] ?? '') ? close + block[0].length : undefined
  }
  const type = typed.exec(rest)?.[0].length ?? 0
  const operator = given.exec(rest.slice(type)) ?? asDefault.exec(rest.slice(type))
  if (operator === null) return undefined
  // A comma gives something to a name only where both are arguments: `getenv('X', 'y')`.
  if (operator[0].includes(',') && !/^\\{0,3}["'`]$/.test(behind.slice(0, close))) return undefined
  return close + type + operator[0].length
}

/** Of several lines of a block nobody says which one is the secret. */
function isAlone(rest: string, at: number, indentation: string): boolean {
  const next = rest.slice(at).replace(/^[^\r\n]*\r?\n?/, '')
  return !next.startsWith(indentation)
}

const quote = /^(?:[rbfuLN@$]{0,2})(?:("{3}|'{3})(?:\r?\n)?|(\\{0,3}["'`]))/
const plain = /^[^\s"'`<>{}()[\],;]{4,256}/

function valueAt(
  behind: string,
  at: number,
  before: string,
): Pick<Assignment, 'value' | 'start' | 'isQuoted'> | undefined {
  const rest = behind.slice(at)
  const opened = quote.exec(rest)
  if (opened) {
    const start = at + opened[0].length
    const end = behind.indexOf(opened[1] ?? opened[2] ?? '', start)
    const value = behind.slice(start, end).replace(opened[1] === undefined ? /^$/ : /\r?\n$/, '')
    return end === -1 || value.length > maxValue || /[\r\n]/.test(value)
      ? undefined
      : { value, start, isQuoted: true }
  }
  const isQuery = /[?&]$/.test(before)
  const value = (plain.exec(rest)?.[0] ?? '').replace(isQuery ? /&.*$/s : /[.:]$/, '')
  // A call, an index or a template: what it gives stands nowhere in the file.
  if (value === '' || /^[([{]/.test(rest.slice(value.length))) return undefined
  return { value, start: at, isQuoted: false }
}
