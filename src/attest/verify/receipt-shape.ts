import { instantOf } from './fields.ts'

/** The form of a JSON value: of every member, how long it may be and which characters a text of it may have. */
export type Shape = TextShape | CountShape | TimeShape | FlagShape | ListShape | RecordShape

interface TextShape {
  readonly is: 'text'
  /** UTF-16 units. */
  readonly most: number
  /** Else it has no control character at all: a terminal obeys those. */
  readonly may?: 'lines' | 'anything'
  readonly matches?: RegExp
}

interface CountShape {
  readonly is: 'count'
  readonly least: number
  readonly most: number
}

interface TimeShape {
  readonly is: 'time'
}

/** `true`, or not there. */
interface FlagShape {
  readonly is: 'flag'
}

interface ListShape {
  readonly is: 'list'
  readonly of: Shape
  readonly most: number
}

/** It has these members and no others: one that nobody knows would be held against nothing. */
export interface RecordShape {
  readonly is: 'record'
  readonly members: Readonly<Record<string, Shape>>
  /** Names of those that may be missing. */
  readonly optional: ReadonlySet<string>
  /** Of a set of digests, one at least. */
  readonly least: number
}

export const text = (most = 1_024, more: Omit<TextShape, 'is' | 'most'> = {}): Shape => ({
  ...{ is: 'text', most },
  ...more,
})
export const hex = (...lengths: readonly number[]): Shape =>
  text(128, { matches: new RegExp(`^(?:${lengths.map((one) => `[0-9a-f]{${one}}`).join('|')})$`) })
/** 32 bytes in canonical base64. */
export const hash = text(44, { matches: /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/ })
export const count = (least = 0, most = Number.MAX_SAFE_INTEGER): Shape => ({ is: 'count', least, most })
export const time: Shape = { is: 'time' }
export const flag: Shape = { is: 'flag' }
export const list = (of: Shape, most: number): Shape => ({ is: 'list', of, most })
/** Names that end in `?` may be missing. */
export function record(named: Readonly<Record<string, Shape>>, least = 0): RecordShape {
  const pairs = Object.entries(named)
  return {
    is: 'record',
    members: Object.fromEntries(pairs.map(([name, shape]) => [name.replace(/\?$/, ''), shape])),
    optional: new Set(pairs.flatMap(([name]) => (name.endsWith('?') ? [name.slice(0, -1)] : []))),
    least,
  }
}

/** What of it has another form; undefined if nothing. Only names of the shape are repeated, and nothing that the value says. */
export function misshapen(value: unknown, shape: Shape, at: string): string | undefined {
  switch (shape.is) {
    case 'text':
      return isText(value, shape) ? undefined : `${at} is no text of its form, or a longer one`
    case 'count':
      return Number.isSafeInteger(value) && shape.least <= Number(value) && Number(value) <= shape.most
        ? undefined
        : `${at} is no whole number from ${shape.least} on`
    case 'time':
      return instantOf(value) === undefined ? `${at} is no time like 2026-01-31T12:00:00Z` : undefined
    case 'flag':
      return value === true ? undefined : `${at} is not true`
    case 'list':
      return inList(value, shape, at)
    case 'record':
      return inRecord(value, shape, at)
  }
}

// eslint-disable-next-line no-control-regex
const controls = { none: /[\x00-\x1f\x7f-\x9f]/, lines: /[\x00-\x08\x0b-\x1f\x7f-\x9f]/ }

function isText(value: unknown, { most, may, matches }: TextShape): boolean {
  if (typeof value !== 'string' || value.length > most || !value.isWellFormed()) return false
  if (may !== 'anything' && controls[may ?? 'none'].test(value)) return false
  return matches === undefined || matches.test(value)
}

function inList(value: unknown, { of, most }: ListShape, at: string): string | undefined {
  if (!Array.isArray(value)) return `${at} is no list`
  if (value.length > most) return `${at} has more than ${most} members`
  for (let index = 0; index < value.length; index++) {
    const problem = misshapen(value[index], of, `${at}[${index}]`)
    if (problem !== undefined) return problem
  }
  return undefined
}

function inRecord(value: unknown, { members, optional, least }: RecordShape, at: string): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${at} is no object`
  const names = Object.keys(value)
  if (names.some((name) => !Object.hasOwn(members, name))) return `${at} has a member that is not known`
  if (names.length < least) return `${at} has no member`
  for (const [name, shape] of Object.entries(members)) {
    const place = at === '' ? name : `${at}.${name}`
    if (Object.hasOwn(value, name)) {
      const problem = misshapen((value as Record<string, unknown>)[name], shape, place)
      if (problem !== undefined) return problem
    } else if (!optional.has(name)) return `${place} is missing`
  }
  return undefined
}
