import { Secret } from '../lib/index.ts'
import type { Api } from './api.ts'

/** A credential that an answer holds; throws `credential_failed`, without it, for what no header takes. */
export function tokenIn(value: unknown, what: string, api: Api): string {
  if (value === undefined || value === null || value === '') throw api.odd(`no ${what}`)
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(value))
    throw api.odd(`a ${what} that is no token`)
  return value
}

export function bearer(token: string): Secret {
  return new Secret(`Bearer ${token}`)
}

export function basic(user: string, password: string): Secret {
  return new Secret(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)
}
