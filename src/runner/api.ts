import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import {
  MayflyError,
  connectionProblem,
  isLoopback,
  systemCode,
  type Engine,
  type ErrorCode,
  type Tier,
} from '../lib/index.ts'
import type { ProofSigner } from '../identity/index.ts'
import type { Place, SendPiece } from './record/index.ts'
import { sendRequest } from './http.ts'
import { allPages, type SignedPage } from './signed-pages.ts'
import type { WorkspaceKind } from './workspace/index.ts'
import type {
  SessionGrant,
  PendingApproval,
  StepGrant,
  HandedCredential,
  PinnedLockfiles,
  FileList,
  HandedBundle,
  FinishAnswer,
  FinishReport,
  Heartbeat,
} from './api-facts.ts'

/** The server's API as a supervisor uses it. Every call is DPoP-bound; errors carry the server's own sentence. */
export interface ServerApi {
  readonly url: string
  /** Connects and asks for a nonce, so that the first proof has one; what fails here fails in `exchange`, in words. */
  prepare(): Promise<void>
  /** A session; or, for a role that a person must approve, what to wait for. */
  exchange(request: {
    identityToken: string
    roles: readonly string[]
    /** Roles that are assumed later, with another identity token: known to be trusted now, and people are asked now. */
    later?: readonly string[]
    /** Roles that the job may turn out not to need: one that does not trust it fails the steps that come to it, not the job. */
    optional?: readonly string[]
    /** The steps begin later than now: their roles' time is to count from then. */
    wait?: boolean
  }): Promise<SessionGrant | PendingApproval>
  /** Whether the people have answered yet. Throws `denied` if they said no, or too late. */
  pollApproval(pending: PendingApproval): Promise<SessionGrant | { readonly waitSeconds: number }>
  cancelApproval(pending: PendingApproval): Promise<void>
  /** The same session's or step's token with a new end, never past the role's limit. */
  renew(token: string): Promise<{ readonly access_token: string; readonly expires_in: number }>
  openStep(
    sessionToken: string,
    step: {
      name: string
      role: string
      tier: Tier
      engine?: Engine
      image?: string
      command: string
      workspace: { kind: WorkspaceKind; id: string }
      /** Ports of the runner's own localhost that it is let to. */
      services: readonly number[]
    },
  ): Promise<StepGrant>
  /** The server holds its answer until there is something to tell beyond the refusals that were `seen`, or for a while. */
  heartbeat(step: StepGrant, seen: number): Promise<Heartbeat | undefined>
  pinLockfiles(step: StepGrant, bundle: string): Promise<PinnedLockfiles>
  /** The job's identity token for the registry of this connection. */
  holdIdentity(step: StepGrant, connection: string, token: string): Promise<void>
  /** What the step is handed, whose home is there, or of that one connection's. Throws `denied` before it asks, where others could read the answer. */
  credentials(
    step: StepGrant,
    home: string,
    only?: { readonly connection: string; readonly refused: boolean },
  ): Promise<readonly HandedCredential[]>
  /** Adds to the step's log at this offset. What there is of it then; and why no more is taken, if so. */
  appendLog(step: StepGrant, offset: number, bytes: Buffer, timeoutMs: number): ReturnType<SendPiece>
  /** Where secrets stand in what the step wrote for its CI, called so. */
  lookAtWritten(
    step: StepGrant,
    name: string,
    bytes: Buffer,
  ): Promise<{ readonly mask: readonly Place[]; readonly unseen?: string }>
  /** All files that it hands on or names as artifacts, for what is signed about it: before its end is told. */
  declareArtifacts(step: StepGrant, files: FileList['files']): Promise<void>
  finish(step: StepGrant, outcome: FinishReport): Promise<FinishAnswer>
  /** What is signed of the step by now, also after its end. */
  attestations(
    step: StepGrant,
  ): Promise<{ readonly signed: readonly HandedBundle[]; readonly pending: boolean }>
  endSession(sessionToken: string): Promise<void>
  close(): void
}

interface Sent {
  readonly method: string
  readonly path: string
  readonly token?: string
  readonly form?: Record<string, string>
  readonly json?: unknown
  readonly text?: string
  readonly bytes?: Buffer
  /** Behind the `?`: no part of what a proof names (RFC 9449, section 4.2). */
  readonly query?: string
  /** How long this is waited for, also while the server is away. */
  readonly timeoutMs?: number
  readonly maxAnswerBytes?: number
}

/** Bundles about ten thousand artifacts, several of them. */
const finishAnswerBytes = 67_108_864

export function createServerApi(deps: { url: string; signer: ProofSigner }): ServerApi {
  const { signer } = deps
  const url = deps.url.replace(/\/+$/, '')
  const agent = url.startsWith('https:')
    ? new HttpsAgent({ keepAlive: true })
    : new HttpAgent({ keepAlive: true })

  async function call<T>(sent: Sent): Promise<T> {
    const first = await send(sent)
    // The nonce was missing or too old; its answer brought the next one (RFC 9449, section 8).
    const answered = first.code === 'use_dpop_nonce' ? await send(sent) : first
    const { status, answer, retryAfterSeconds } = answered
    if (status >= 200 && status < 300) return answer as T
    throw new ServerRefusal(status, answer, retryAfterSeconds)
  }

  async function send(sent: Sent): Promise<Answer> {
    const proof = await signer.sign({
      method: sent.method,
      uri: `${url}${sent.path}`,
      ...(sent.token === undefined ? {} : { accessToken: sent.token }),
    })
    const [type, body] = bodyOf(sent)
    const headers = {
      accept: 'application/json',
      dpop: proof,
      'content-type': type,
      'content-length': String(Buffer.byteLength(body)),
      ...(sent.token === undefined ? {} : { authorization: `DPoP ${sent.token}` }),
    }
    const { method, timeoutMs, maxAnswerBytes, query } = sent
    const target = `${url}${sent.path}${query === undefined ? '' : `?${query}`}`
    const bounds = {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(maxAnswerBytes === undefined ? {} : { maxAnswerBytes }),
    }
    const options = { method, headers, body, agent, ...bounds }
    const request = () => sendRequest(target, options)
    // Whoever has a token has met the server: it is being started again, and that is waited for.
    const isPatient = sent.token !== undefined && timeoutMs === undefined
    const sending = isPatient ? untilBack(request) : request()
    const { status, text, nonce, retryAfterSeconds } = await sending.catch((cause: unknown) => {
      throw new MayflyError(
        'upstream_unreachable',
        `the Mayfly server ${url} does not answer: ${connectionProblem(cause)}`,
        { cause },
      )
    })
    signer.learnNonce(nonce)
    const answer = parseAnswer(text)
    const { code, error } = answer as Record<string, string | undefined>
    return { status, answer, code: code ?? error, retryAfterSeconds }
  }

  async function exchange(form: Record<string, string>): Promise<SessionGrant | Refused> {
    try {
      return await call<SessionGrant>({ method: 'POST', path: '/oauth/token', form })
    } catch (error) {
      const waits =
        error instanceof ServerRefusal && ['authorization_pending', 'slow_down'].includes(error.wireCode)
      if (waits) return error.answer as unknown as Refused
      throw error
    }
  }

  const ofStep = (step: StepGrant, tail: string) => ({
    path: `/v1/steps/${step.step_id}/${tail}`,
    token: step.access_token,
  })
  return {
    url,
    async prepare() {
      const path = '/.well-known/oauth-authorization-server'
      const answer = await sendRequest(`${url}${path}`, { method: 'GET', headers: {}, agent }).catch(
        () => undefined,
      )
      signer.learnNonce(answer?.nonce)
    },
    async exchange({ identityToken, roles, later = [], optional = [], wait = false }) {
      const answer = await exchange({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: identityToken,
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        scope: roles.join(' '),
        ...(later.length === 0 ? {} : { later: later.join(' ') }),
        ...(optional.length === 0 ? {} : { optional: optional.join(' ') }),
        ...(wait ? { wait_seconds: String(waitSeconds) } : {}),
      })
      return answer as SessionGrant | PendingApproval
    },
    async pollApproval({ device_code }) {
      const answer = await exchange({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code,
        wait_seconds: String(waitSeconds),
      })
      return 'access_token' in answer ? answer : { waitSeconds: answer.interval }
    },
    cancelApproval: ({ device_code }) =>
      call({ method: 'POST', path: '/oauth/cancel', form: { device_code } }),
    renew: (token) => call({ method: 'POST', path: '/oauth/renew', token }),
    openStep: (token, step) => call({ method: 'POST', path: '/v1/steps', token, json: step }),
    heartbeat: (step, seen) => call({ method: 'POST', ...ofStep(step, 'heartbeat'), json: { seen } }),
    pinLockfiles: (step, bundle) => call({ method: 'PUT', ...ofStep(step, 'lockfiles'), text: bundle }),
    holdIdentity: (step, connection, token) =>
      call({ method: 'PUT', ...ofStep(step, 'publisher-identity'), json: { connection, token } }),
    async credentials(step, home, only) {
      refuseInTheClear(url)
      const json = { home, ...only }
      const asked = { method: 'POST', ...ofStep(step, 'credentials'), json }
      return (await call<{ credentials: HandedCredential[] }>(asked)).credentials
    },
    appendLog: (step, offset, bytes, timeoutMs) =>
      call({ method: 'POST', ...ofStep(step, 'log'), query: `offset=${offset}`, bytes, timeoutMs }),
    lookAtWritten: (step, name, bytes) =>
      call({
        method: 'POST',
        ...ofStep(step, 'written'),
        query: `name=${name}`,
        bytes,
        timeoutMs: 10_000,
      }),
    declareArtifacts: (step, files) => call({ method: 'PUT', ...ofStep(step, 'artifacts'), json: { files } }),
    finish: (step, outcome) =>
      call({ method: 'POST', ...ofStep(step, 'finish'), json: outcome, maxAnswerBytes: finishAnswerBytes }),
    async attestations({ step_id, access_token: token }) {
      const asked = { method: 'GET', path: '/v1/attestations', token, timeoutMs: 10_000 }
      return allPages((after) => {
        const from = after === undefined ? '' : `&after=${encodeURIComponent(after)}`
        const query = `step=${encodeURIComponent(step_id)}&limit=100${from}`
        return call<SignedPage>({ ...asked, query, maxAnswerBytes: finishAnswerBytes })
      })
    },
    endSession: (token) => call({ method: 'POST', path: '/oauth/revoke', token, form: { token } }),
    close: () => agent.destroy(),
  }
}

function refuseInTheClear(url: string): void {
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'https:' && !isLoopback(hostname.replaceAll(/[[\]]/g, '')))
    throw new MayflyError(
      'denied',
      `no credential is fetched from ${url}: it would cross the network in the clear; name the server by https://`,
    )
}

interface Answer {
  readonly status: number
  readonly answer: unknown
  readonly code: string | undefined
  readonly retryAfterSeconds: number | undefined
}

/** "Not yet": an error of RFC 8628, section 3.5, that is none of ours. */
interface Refused {
  readonly error: string
  readonly interval: number
}

function bodyOf({ form, text, json, bytes }: Sent): [type: string, body: string | Buffer] {
  if (bytes !== undefined) return ['application/octet-stream', bytes]
  if (text !== undefined) return ['text/plain; charset=utf-8', text]
  if (form !== undefined) return ['application/x-www-form-urlencoded', new URLSearchParams(form).toString()]
  return ['application/json', JSON.stringify(json ?? {})]
}

/** How long a step may take to begin, if its role allows that: as long as any CI's job. */
const waitSeconds = 86_400

const restartGraceMs = 10_000
const retryMs = 250

/** Again and again while nobody listens there: what was not even sent may be sent again. */
async function untilBack<T>(request: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + restartGraceMs
  for (;;) {
    try {
      return await request()
    } catch (error) {
      if (systemCode(error) !== 'ECONNREFUSED' || performance.now() > untilMs) throw error
      await new Promise((next) => setTimeout(next, retryMs))
    }
  }
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return { detail: text.slice(0, 300) }
  }
}

const knownCodes: Readonly<Record<string, ErrorCode>> = {
  revoked: 'revoked',
  isolation_unavailable: 'isolation_unavailable',
  audit_unavailable: 'audit_unavailable',
  bad_token: 'bad_token',
  not_found: 'not_found',
}

/** What the server answered instead, in its own sentence. */
export class ServerRefusal extends MayflyError {
  readonly wireCode: string
  readonly answer: Readonly<Record<string, string | undefined>>
  /** The server takes the very same after this time; undefined if it does not say so. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, answer: unknown, retryAfterSeconds?: number) {
    const members = answer as Record<string, string | undefined>
    const { detail, error_description, code, error, request_id } = members
    const sentence = detail ?? error_description ?? `the server answered ${status}`
    const wireCode = code ?? error ?? ''
    super(
      knownCodes[wireCode] ?? (status >= 500 ? 'upstream_unreachable' : 'denied'),
      // One that stands in the log under another id names that.
      `${sentence}${request_id === undefined || /\(req_\w+\)$/.test(sentence) ? '' : ` (${request_id})`}`,
    )
    this.wireCode = wireCode
    this.answer = members
    this.retryAfterSeconds = status === 503 ? retryAfterSeconds : undefined
  }
}
