import { parseBase64, parseSize } from '../../audit/verify/index.ts'
import { Refusal } from './refusal.ts'

export type Fields = Readonly<Record<string, unknown>>

/** An object; with `known`, one that has these names alone: another reader may know a second spelling of a name. */
export function fieldsOf(value: unknown, what: string, known?: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal('malformed', `${what} is no object`)
  const odd = known === undefined ? undefined : Object.keys(value).find((name) => !known.includes(name))
  if (odd !== undefined)
    throw new Refusal(
      'unsupported_format',
      `${what} has ${JSON.stringify(odd.slice(0, 80))}, which is not known here`,
    )
  return value as Fields
}

export function listOf(value: unknown, what: string, most: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new Refusal('malformed', `${what} is no list`)
  if (value.length > most) throw new Refusal('too_large', `${what} has more than ${most} members`)
  return value
}

export function textIn(value: unknown, what: string, most = 4096): string {
  if (typeof value !== 'string') throw new Refusal('malformed', `${what} is no text`)
  if (value.length > most) throw new Refusal('too_large', `${what} is longer than ${most} characters`)
  return value
}

/** Of base64 in its one canonical form: else a bundle could be changed without being another. */
export function bytesIn(value: unknown, what: string, most: number): Buffer {
  const bytes = parseBase64(textIn(value, what, Math.ceil(most / 3) * 4))
  if (bytes === undefined) throw new Refusal('malformed', `${what} is no canonical base64`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A whole number from 0 as JSON of Protocol Buffers writes 64 bits: in a text, since not every reader of JSON keeps all of a number. */
export function countIn(value: unknown, what: string): number {
  const count = parseSize(textIn(value, what, 20))
  if (count === undefined) throw new Refusal('malformed', `${what} is no whole number`)
  return count
}

/** The same where other checkers take no text for a number. */
export function numberIn(value: unknown, what: string): number {
  if (typeof value !== 'number') throw new Refusal('malformed', `${what} is no number`)
  return countIn(String(value), what)
}

/** RFC 3339 in UTC, in milliseconds since 1970. */
export function timeIn(value: unknown, what: string): number {
  const ms = instantOf(textIn(value, what, 40))
  if (ms === undefined) throw new Refusal('malformed', `${what} is no time like 2026-01-31T12:00:00Z`)
  return ms
}

/** The same; undefined for what is none. */
export function instantOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || value.length > 40) return undefined
  const seconds = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?Z$/.exec(value)?.[1]
  const ms = seconds === undefined ? Number.NaN : Date.parse(value)
  // A day that there is not would become another one.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== seconds) return undefined
  return ms
}

/** From a moment on, until the end with it; without an end, for good. */
export interface Window {
  readonly startMs: number
  readonly endMs: number
}

export function windowIn(value: unknown, what: string): Window {
  const { start, end } = fieldsOf(value, what, ['start', 'end'])
  return {
    startMs: timeIn(start, `the start of ${what}`),
    endMs: (end ?? undefined) === undefined ? Number.POSITIVE_INFINITY : timeIn(end, `the end of ${what}`),
  }
}

export function isWithin(timeMs: number, { startMs, endMs }: Window): boolean {
  return timeMs >= startMs && timeMs <= endMs
}
