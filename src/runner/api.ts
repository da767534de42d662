import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { MayflyError, messageOf, type ErrorCode } from '../lib/index.ts'
import type { ProofSigner } from '../identity/index.ts'
import { sendRequest } from './http.ts'

/** The server's API as a supervisor uses it. Every call is DPoP-bound; errors carry the server's own sentence. */
export interface ServerApi {
  readonly url: string
  exchange(request: { identityToken: string; roles: readonly string[] }): Promise<SessionGrant>
  openStep(
    sessionToken: string,
    step: { name: string; role: string; tier: 'B' | 'E'; command: string },
  ): Promise<StepGrant>
  heartbeat(step: StepGrant): Promise<void>
  pinLockfile(step: StepGrant, text: string): Promise<{ packages: number }>
  finish(step: StepGrant, outcome: FinishReport): Promise<StepActivity>
  endSession(sessionToken: string): Promise<void>
  close(): void
}

export interface SessionGrant {
  readonly access_token: string
  readonly expires_in: number
  readonly session_id: string
  readonly run_id: string
}

export interface StepGrant {
  readonly step_id: string
  readonly run_id: string
  readonly access_token: string
  readonly heartbeat_seconds: number
  readonly gateway: string
  readonly ca_certificate: string
  readonly grants: readonly string[]
  readonly connections: readonly { name: string; kind: string; url: string; authority: string }[]
}

export interface FinishReport {
  readonly reason: 'finished' | 'cancelled' | 'failed_to_start'
  readonly exit_code?: number
  readonly duration_ms?: number
  readonly output?: {
    stdout_bytes: number
    stderr_bytes: number
    stdout_sha256: string
    stderr_sha256: string
  }
}

export interface StepActivity {
  readonly granted: readonly { what: string; count: number }[]
  readonly denied: readonly { what: string; count: number; reason: string }[]
}

interface Sent {
  readonly method: string
  readonly path: string
  readonly token?: string
  readonly form?: Record<string, string>
  readonly json?: unknown
}

export function createServerApi(deps: { url: string; signer: ProofSigner }): ServerApi {
  const { signer } = deps
  const url = deps.url.replace(/\/+$/, '')
  const agent = url.startsWith('https:')
    ? new HttpsAgent({ keepAlive: true })
    : new HttpAgent({ keepAlive: true })

  async function call<T>(sent: Sent): Promise<T> {
    const proof = await signer.sign({
      method: sent.method,
      uri: `${url}${sent.path}`,
      ...(sent.token === undefined ? {} : { accessToken: sent.token }),
    })
    const body =
      sent.form === undefined ? JSON.stringify(sent.json ?? {}) : new URLSearchParams(sent.form).toString()
    const headers = {
      accept: 'application/json',
      dpop: proof,
      'content-type': sent.form === undefined ? 'application/json' : 'application/x-www-form-urlencoded',
      'content-length': String(Buffer.byteLength(body)),
      ...(sent.token === undefined ? {} : { authorization: `DPoP ${sent.token}` }),
    }
    const { status, text } = await sendRequest(`${url}${sent.path}`, {
      method: sent.method,
      headers,
      body,
      agent,
    }).catch((cause: unknown) => {
      throw new MayflyError(
        'upstream_unreachable',
        `the Mayfly server ${url} does not answer: ${messageOf(cause)}`,
        { cause },
      )
    })
    const answer = parseAnswer(text)
    if (status >= 200 && status < 300) return answer as T
    throw serverError(status, answer)
  }

  const ofStep = (step: StepGrant, tail: string) => ({
    path: `/v1/steps/${step.step_id}/${tail}`,
    token: step.access_token,
  })
  return {
    url,
    exchange: ({ identityToken, roles }) =>
      call({
        method: 'POST',
        path: '/oauth/token',
        form: {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: identityToken,
          subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
          scope: roles.join(' '),
        },
      }),
    openStep: (token, step) => call({ method: 'POST', path: '/v1/steps', token, json: step }),
    heartbeat: (step) => call({ method: 'POST', ...ofStep(step, 'heartbeat') }),
    pinLockfile: (step, text) => call({ method: 'PUT', ...ofStep(step, 'lockfile'), json: { text } }),
    finish: (step, outcome) => call({ method: 'POST', ...ofStep(step, 'finish'), json: outcome }),
    endSession: (token) => call({ method: 'POST', path: '/oauth/revoke', token, form: { token } }),
    close: () => agent.destroy(),
  }
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { detail: text.slice(0, 300) }
  }
}

function serverError(status: number, answer: unknown): MayflyError {
  const { detail, error_description, code, error, request_id } = answer as Record<string, string | undefined>
  const sentence = detail ?? error_description ?? `the server answered ${status}`
  const id = request_id === undefined ? '' : ` (${request_id})`
  const known: Record<string, ErrorCode> = {
    revoked: 'revoked',
    isolation_unavailable: 'isolation_unavailable',
    audit_unavailable: 'audit_unavailable',
  }
  return new MayflyError(
    known[code ?? error ?? ''] ?? (status >= 500 ? 'upstream_unreachable' : 'denied'),
    `${sentence}${id}`,
  )
}
