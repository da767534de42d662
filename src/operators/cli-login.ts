import { createHash, randomBytes } from 'node:crypto'
import { MayflyError, constantTimeEqual, sha256Hex, type Clock } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import type { ApiTokens } from './api-tokens.ts'
import type { Operator, Login } from './operator.ts'
import { recordedLogin } from './recorded-operator.ts'

/**
 * `mayfly login`: a person who is signed in lets the command line on their computer have a short-lived token. The code
 * goes to a loopback port (RFC 8252, section 7.3) and is of use only to who knows the PKCE verifier (RFC 7636).
 */
export interface CliLogin {
  /** Where to send the browser, once the person has said yes. Throws `bad_input`. */
  grant(by: Operator, request: Readonly<Record<string, unknown>>): string
  /** Once. Throws `denied`. */
  redeem(code: string, verifier: string): Promise<{ token: string; expiresMs: number; name: string }>
  /** What the page and the terminal both show, so that a person sees that they are the same. Throws `bad_input`. */
  mark(request: Readonly<Record<string, unknown>>): string
}

const tokenMs = 8 * 3_600_000
const codeMs = 60_000
const maxCodes = 1000

interface Granted {
  readonly login: Login
  readonly name: string
  readonly challenge: string
  readonly expiresMs: number
}

export function createCliLogin(deps: { apiTokens: ApiTokens; audit: AuditClient; clock: Clock }): CliLogin {
  const { apiTokens, audit, clock } = deps
  const codes = new Map<string, Granted>()

  return {
    mark: (request) => markOf(readRequest(request).challenge),
    grant(by, request) {
      const { port, challenge, state } = readRequest(request)
      if (by.login === undefined) throw new MayflyError('denied', 'an API token cannot make one for a person')
      for (const [code, { expiresMs }] of codes) if (expiresMs <= clock.nowMs()) codes.delete(code)
      if (codes.size >= maxCodes)
        throw new MayflyError('limit_exceeded', 'too many sign-ins at once: try again')
      const code = randomBytes(32).toString('base64url')
      const { login, name } = by
      codes.set(sha256Hex(code), { login, name, challenge, expiresMs: clock.nowMs() + codeMs })
      return `http://127.0.0.1:${port}/?code=${code}&state=${state}`
    },
    async redeem(code, verifier) {
      const hash = sha256Hex(code)
      const granted = codes.get(hash)
      codes.delete(hash)
      const challenge = createHash('sha256').update(verifier).digest('base64url')
      if (
        granted === undefined ||
        granted.expiresMs <= clock.nowMs() ||
        !constantTimeEqual(granted.challenge, challenge)
      )
        throw new MayflyError('denied', 'this code is unknown, used or too old: mayfly login')
      const { login, name } = granted
      const expiresMs = clock.nowMs() + tokenMs
      await audit.append({
        type: 'token.created',
        data: {
          by: recordedLogin(login, name),
          name: 'mayfly login',
          expiresIn: tokenMs / 1000,
        },
      })
      const { token } = await apiTokens.create({
        name: `${name} (mayfly login)`.slice(0, 64),
        scopes: [],
        expiresMs,
        login,
      })
      return { token, expiresMs, name }
    },
  }
}

function readRequest({ port, challenge, state }: Readonly<Record<string, unknown>>) {
  const good =
    typeof port === 'string' &&
    /^[1-9][0-9]{3,4}$/.test(port) &&
    Number(port) <= 65_535 &&
    typeof challenge === 'string' &&
    /^[\w-]{43}$/.test(challenge) &&
    typeof state === 'string' &&
    /^[\w-]{20,100}$/.test(state)
  if (!good) throw new MayflyError('bad_input', 'this page is opened by mayfly login')
  return { port, challenge, state }
}

/** Eight characters of the challenge’s digest. */
function markOf(challenge: string): string {
  const mark = sha256Hex(challenge).slice(0, 8).toUpperCase()
  return `${mark.slice(0, 4)}-${mark.slice(4)}`
}
