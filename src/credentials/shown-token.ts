import { Secret } from '../lib/index.ts'
import type { Api } from './api.ts'

/** A credential that an answer holds; throws `credential_failed`, without it, for what no header takes. */
export function tokenIn(value: unknown, what: string, api: Api): string {
  if (value === undefined || value === null || value === '') throw api.odd(`no ${what}`)
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(value))
    throw api.odd(`a ${what} that is no token`)
  return value
}

/**
 * A user and password that an answer holds, for HTTP Basic (RFC 7617, section 2): blanks are allowed in both, control characters
 * in none, and a colon would end the user. Throws `credential_failed`, without them, for others.
 */
export function basicIn(user: unknown, password: unknown, api: Pick<Api, 'odd'>): Secret {
  return basic(
    basicPart(user, 'username', /^[^\p{Cc}:]{1,16384}$/u, 'with a colon or a control character', api),
    basicPart(password, 'password', /^\P{Cc}{1,16384}$/u, 'with a control character', api),
  )
}

function basicPart(
  value: unknown,
  what: string,
  allowed: RegExp,
  why: string,
  api: Pick<Api, 'odd'>,
): string {
  if (value === undefined || value === null || value === '') throw api.odd(`no ${what}`)
  if (typeof value !== 'string') throw api.odd(`a ${what} that is no text`)
  if (!allowed.test(value)) throw api.odd(`a ${what} ${why}, or over 16384 characters`)
  return value
}

export function bearer(token: string): Secret {
  return new Secret(`Bearer ${token}`)
}

export function basic(user: string, password: string): Secret {
  return new Secret(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)
}
