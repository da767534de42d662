import type { HttpAnswer, HttpClient } from '../../http-client/index.ts'
import { MayflyError } from '../../lib/index.ts'

export interface Service {
  /** For errors: `Fulcio`. */
  readonly name: string
  readonly http: HttpClient
  readonly url: string
  readonly ca?: string | undefined
}

/** Rekor answers when its next checkpoint is out, which may be cosigned before. */
const timeoutMs = 30_000
const maxBytes = 262_144

/** Asks by POST. Throws `upstream_unreachable` where it may answer later, else `credential_failed`; what was sent is not repeated. */
export async function post(
  { name, http, url, ca }: Service,
  path: string,
  body: { readonly type: string; readonly bytes: string | Uint8Array; readonly accept?: string },
): Promise<HttpAnswer> {
  const answer = await http.ask({
    ...{ method: 'POST', url: `${url.replace(/\/+$/, '')}${path}`, ca, timeoutMs, maxBytes },
    headers: { 'content-type': body.type, accept: body.accept ?? 'application/json' },
    body: body.bytes,
  })
  if (answer.status === 200 || answer.status === 201) return answer
  const isAway = answer.status === 429 || answer.status === 408 || answer.status >= 500
  throw new MayflyError(
    isAway ? 'upstream_unreachable' : 'credential_failed',
    `${name} at ${url} answered ${answer.status}: ${isAway ? 'it is tried again later' : `check the address, and what ${name} accepts`}`,
  )
}

export type Json = Readonly<Record<string, unknown>>

/** An object, with what must be in it. */
export function objectIn(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

export function jsonIn(answer: HttpAnswer): Json {
  try {
    return objectIn(JSON.parse(answer.body.toString('utf8')))
  } catch {
    return {}
  }
}

export function unusable(name: string, what: string): MayflyError {
  return new MayflyError('audit_rejected', `${name} answered with ${what}, and nothing of it was used`)
}
