import type { HttpAnswer } from '../http-client/index.ts'
import type { Api } from './api.ts'
import { serverNowMs } from './api.ts'

const longestMs = 366 * 86_400_000

/** When a credential ends that lives so many seconds from now. Throws `credential_failed` for what is no time to live. */
export function endAfter(seconds: unknown, api: Api, nowMs: number): number {
  const count =
    typeof seconds === 'string' && /^\d{1,12}(?:\.\d+)?$/.test(seconds) ? Number(seconds) : seconds
  if (typeof count !== 'number' || !Number.isFinite(count))
    throw api.odd('an expires_in that is no number of seconds')
  if (count <= 0) throw api.odd('a credential that has ended already')
  return nowMs + Math.min(count * 1000, longestMs)
}

/** When a credential ends of which nobody says that it does: it must never be taken for expired while it lives. */
export function endless(nowMs: number): number {
  return nowMs + longestMs
}

/**
 * When a credential ends whose end is said as RFC 3339 or in Unix time (of seconds, or milliseconds from 10^11 on). By the
 * upstream's own clock (its Date header), so that a clock that is wrong, theirs or ours, does not end it early or keep it.
 */
export function endAt(said: unknown, answer: HttpAnswer, api: Api, nowMs: number): number {
  const atMs = timeOf(said)
  if (atMs === undefined) throw api.odd('an end that is neither RFC 3339 nor Unix time')
  const leftMs = atMs - serverNowMs(answer.headers, nowMs)
  if (leftMs <= 0)
    throw api.odd(
      `a credential that has ended already, at ${new Date(atMs).toISOString()} (is its clock right?)`,
    )
  return nowMs + Math.min(leftMs, longestMs)
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/

function timeOf(said: unknown): number | undefined {
  if (typeof said === 'string' && rfc3339.test(said)) return finite(Date.parse(said.replace(' ', 'T')))
  const number = typeof said === 'string' && /^\d{1,15}$/.test(said) ? Number(said) : said
  if (typeof number !== 'number') return undefined
  return finite(number >= 1e11 ? number : number * 1000)
}

function finite(ms: number): number | undefined {
  return Number.isFinite(ms) && ms > 0 && ms < 8.64e15 ? ms : undefined
}
