import { MayflyError } from '../../lib/index.ts'
import type { HttpAnswer } from '../../http-client/index.ts'

/** A secret as mayfly.yaml refers to it. */
export interface Reference {
  readonly path: string
  readonly field?: string | undefined
  readonly version?: string | undefined
}

export interface Read {
  readonly value: string
  /** As the store calls it. */
  readonly version: string
}

/**
 * One place where secrets are kept. Throws `secret_missing` (it is not there, or not any more), `credential_failed` (the store
 * refuses), `upstream_unreachable` (nobody answers; ask again). Nothing that it throws repeats what a store answered: an error
 * page may have the value, or the token, in it.
 */
export interface SecretStore {
  read(reference: Reference): Promise<Read>
}

/** As much as the vault itself takes. */
export const maxValueBytes = 65_536

export const gone = (problem: string) => new MayflyError('secret_missing', problem)
export const refused = (problem: string) => new MayflyError('credential_failed', problem)

/** What an HTTP status says, where the store says nothing better. */
export function statusProblem(status: number): MayflyError {
  if (status === 401 || status === 403)
    return refused(
      `it does not let Mayfly read that (status ${status}): check what Mayfly’s token or role may do`,
    )
  if (status === 404) return gone('it has nothing there: check the path')
  if (status === 429 || status >= 500)
    return new MayflyError('upstream_unreachable', `it cannot answer now (status ${status}): try again`)
  return refused(`it answers with status ${status}: check its URL and the path`)
}

/** A JSON object; what Node says of text that is none would quote it. */
export function objectIn({ body }: Pick<HttpAnswer, 'body'>): Record<string, unknown> {
  return asObject(parsed(body.toString('utf8'))) ?? {}
}

export function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

/** One field of a value that is a JSON object, or the value itself. */
export function fieldOf(value: string, field: string | undefined): string {
  if (field === undefined) return value
  const object = asObject(parsed(value))
  if (object === undefined) throw refused(`its value is no JSON object, so it has no field "${field}"`)
  return textIn(object, field)
}

export function textIn(object: Readonly<Record<string, unknown>>, field: string): string {
  const value = Object.hasOwn(object, field) ? object[field] : undefined
  if (typeof value === 'string') return value
  // A port, a PIN, a yes: as it is written, where that is sure.
  if (typeof value === 'boolean' || Number.isSafeInteger(value)) return String(value)
  throw gone(`it has no field "${field}" that is text`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
