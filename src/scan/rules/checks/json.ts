import { readPlainJson } from '../../../lib/index.ts'
import { failed, heldIf, doubtful, type Verdict } from './verdict.ts'

type Members = Readonly<Record<string, unknown>>

/** More than any token has; what is longer is not decoded. */
const maxLength = 65_536

/** An object of JSON in base64, of either alphabet. */
export function jsonOf(base64: string): Members | undefined {
  if (base64.length > maxLength) return undefined
  const read = readPlainJson(Buffer.from(base64, 'base64'))
  return typeof read === 'string' ? undefined : read
}

/** A token whose body is an object of JSON in base64 behind a prefix: `ops_eyJ…`, `sntrys_eyJ…_…`. */
export function checkJson(secret: string): Verdict {
  const body = secret.slice(secret.indexOf('eyJ')).split(/[^A-Za-z0-9+/=]/, 1)[0] ?? ''
  return heldIf(jsonOf(body) !== undefined, doubtful)
}

/** RFC 7519. Without a signature (`none`) a token opens nothing that a forged one would not open. */
export function checkJwt(secret: string): Verdict {
  const [head = '', body = '', signature = ''] = secret.split('.')
  const header = jsonOf(head)
  if (header === undefined || typeof header['alg'] !== 'string' || header['alg'].toLowerCase() === 'none')
    return failed
  if (signature.length < 16) return failed
  const claims = jsonOf(body)
  // An encrypted one (RFC 7516) has five parts, and claims that nobody reads.
  if (claims === undefined) return heldIf(secret.split('.').length === 5)
  return { verdict: 'held', ...notedEnd(claims['exp']) }
}

function notedEnd(exp: unknown): { note?: string } {
  const isTime = typeof exp === 'number' && exp > 0 && exp < 253_402_300_800
  return isTime ? { note: `ends ${new Date(exp * 1000).toISOString().slice(0, 10)}` } : {}
}
