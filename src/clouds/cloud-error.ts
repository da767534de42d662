import { MayflyError } from '../lib/index.ts'
import type { HttpAnswer } from '../http-client/index.ts'

/**
 * A cloud said no, or nothing useful: `credential_failed`, or `upstream_unreachable` where it may say yes later (throttled, its
 * own fault). `cloudCode` is the cloud's own name for it: `AccessDeniedException`, `PERMISSION_DENIED`, `Forbidden`.
 */
export class CloudError extends MayflyError {
  override readonly name = 'CloudError'
  readonly cloudCode: string
  readonly status: number

  constructor(options: { what: string; status: number; code: string; message: string; cause?: unknown }) {
    const { what, status, code, message } = options
    const isBusy = status === 429 || status >= 500 || /throttl|toomanyrequests|resource_exhausted/i.test(code)
    super(
      isBusy ? 'upstream_unreachable' : 'credential_failed',
      `${what}: ${code}${message === '' ? '' : `: ${message}`}: ${adviceOn(status, code, isBusy)}`,
      { cause: options.cause },
    )
    this.cloudCode = code
    this.status = status
  }
}

function adviceOn(status: number, code: string, isBusy: boolean): string {
  if (isBusy) return 'it is tried again later'
  if (/expired|unrecognized|invalid_?client|signature|security ?token|unauthenticated/i.test(code))
    return 'check the credentials of this server, and its clock'
  if (status === 401 || status === 403 || /denied|forbidden|unauthorized/i.test(code))
    return 'allow it to the identity that this server runs as'
  if (status === 404 || /notfound|not_found/i.test(code))
    return 'check the name, the region and the project or vault'
  return 'check what is configured'
}

/**
 * What the cloud said, on one line. Clouds repeat what they were sent ("Value 'x' at 'y' failed to satisfy ..."), and that may be
 * a secret: a message that has any longer text of the request in it is left out.
 */
export function plainMessage(message: unknown, sent: unknown): string {
  if (typeof message !== 'string') return ''
  if (textsOf(sent).some((text) => message.includes(text.slice(0, 16)))) return ''
  return message.replaceAll(/\s+/g, ' ').trim().slice(0, 300)
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return value.length < 4 ? [] : [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsOf)
}

/** The JSON object of an answer; `{}` for an empty one, nothing for what is none. */
export function jsonOf(answer: HttpAnswer): Record<string, unknown> | undefined {
  if (answer.body.length === 0) return {}
  try {
    const parsed: unknown = JSON.parse(answer.body.toString('utf8'))
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** A member that is an object, for errors that clouds nest. */
export function memberOf(value: Record<string, unknown> | undefined, name: string): Record<string, unknown> {
  const member = value?.[name]
  return typeof member === 'object' && member !== null ? (member as Record<string, unknown>) : {}
}

/** A text member. */
export function textOf(value: Record<string, unknown> | undefined, ...names: string[]): string | undefined {
  for (const name of names) {
    const member = value?.[name]
    if (typeof member === 'string' && member !== '') return member
  }
  return undefined
}

const credentialsMs = 20_000

/** Whoever fetches credentials may wait for an address that never answers: not for longer than this. */
export async function soon<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new MayflyError('upstream_unreachable', `${what}: no credentials within ${credentialsMs / 1000} s`),
        ),
      credentialsMs,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
