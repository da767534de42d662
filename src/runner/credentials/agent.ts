import { unlinkSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomBytes } from 'node:crypto'
import type { Environment } from '../../config/environment.ts'
import { createProofSigner } from '../../identity/index.ts'
import { MayflyError, messageOf, sha256Hex, type Clock } from '../../lib/index.ts'
import { createServerApi, type ServerApi } from '../api.ts'
import type { HandedCredential, StepGrant } from '../api-facts.ts'
import { fetchIdentityToken } from '../ci-token.ts'
import { exchangePatiently } from '../exchange.ts'
import { keepRenewed } from '../renewal.ts'
import { watchStep } from '../watch.ts'
import { readLine } from './agent-line.ts'

export interface AgentRequest {
  readonly server: string
  readonly role: string
  readonly environment: Environment
  readonly clock: Clock
  /** Called once it listens there. */
  readonly ready: () => void
  readonly socket: string
  /** Ends it, as its own end does. */
  readonly cancel: AbortSignal
}

/** What a helper asks, one line of JSON on a connection of its own; answered by one line. */
export type AgentQuestion =
  | { readonly ask: 'connections' }
  | { readonly ask: 'credential'; readonly connection: string }
  /** A host took no more what was handed out of it: whoever asks next gets another. */
  | { readonly ask: 'refused'; readonly connection: string }
  | { readonly ask: 'end' }

/** For credentials that nobody has asked for yet. */
const unaskedMs = 60_000
const maxSockets = 64

/**
 * Holds one session for the tools of a job that run in no sandbox: its key and its token are in this process alone. It asks the
 * server for a credential each time that a helper wants one, keeps none, and ends, with all that it handed out, when the last
 * of them is over, when its role's time is, or when it is told to. Throws what opening the session throws.
 */
export async function runAgent(request: AgentRequest): Promise<void> {
  const { clock, socket } = request
  const signer = await createProofSigner({ clock })
  const api = createServerApi({ url: request.server, signer })
  const over = new AbortController()
  const end = () => over.abort()
  request.cancel.addEventListener('abort', end, { once: true })
  try {
    await using session = await openSession(request, api)
    const { step } = session
    const watch = watchStep({ api, step, clock, refused: () => undefined, ended: end })
    let untilMs = clock.nowMs() + unaskedMs
    const refused = new Set<string>()
    const handed = (one: HandedCredential) => (untilMs = Math.max(untilMs, Date.parse(one.expires_at)))
    const server = createServer({ allowHalfOpen: true }, (client) =>
      answer(client, { api, step, refused, handed, end }),
    )
    server.maxConnections = maxSockets
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ path: socket }, resolve)
      })
      request.ready()
      while (clock.nowMs() < untilMs && !over.signal.aborted)
        await sleep(Math.min(untilMs - clock.nowMs(), 60_000), undefined, { signal: over.signal }).catch(
          () => undefined,
        )
    } finally {
      watch.stop()
      server.close()
      removeSocket(socket)
    }
  } finally {
    request.cancel.removeEventListener('abort', end)
    api.close()
  }
}

async function openSession(
  { role, environment, server, clock, cancel }: AgentRequest,
  api: ServerApi,
): Promise<AsyncDisposable & { step: StepGrant }> {
  const audience = environment.audience ?? server
  const identityToken = await fetchIdentityToken({ environment, audience, untrusted: [process.cwd()] })
  const waiting = { tell: () => undefined, cancel, sleep }
  const session = await exchangePatiently(
    { api, clock, ...waiting },
    { identityToken: identityToken.reveal(), roles: [role] },
  )
  if ('device_code' in session) {
    await api.cancelApproval(session).catch(() => undefined)
    throw new MayflyError(
      'denied',
      `role "${role}" needs approval, for which a credential helper does not wait`,
    )
  }
  const learn = () => undefined
  const step = await api
    .openStep(session.access_token, {
      ...{ name: 'credential helper', role, tier: 'E', command: 'mayfly credential', services: [] },
      workspace: { kind: 'fresh', id: sha256Hex(randomBytes(32).toString('hex')) },
    })
    .catch(async (error: unknown) => {
      await api.endSession(session.access_token).catch(() => undefined)
      throw error
    })
  const renewals = [session, step].map((grant) => keepRenewed({ api, grant, clock, learn }))
  return {
    step,
    async [Symbol.asyncDispose]() {
      for (const renewal of renewals) renewal.stop()
      // What cannot be told ends with the heartbeats.
      await api.finish(step, { reason: 'finished', exit_code: 0 }).catch(() => undefined)
      await api.endSession(session.access_token).catch(() => undefined)
    },
  }
}

function answer(
  client: Socket,
  {
    api,
    step,
    refused,
    handed,
    end,
  }: {
    api: ServerApi
    step: StepGrant
    /** Connections whose hosts took no more what was handed out. */
    refused: Set<string>
    handed: (one: HandedCredential) => void
    end: () => void
  },
): void {
  client.on('error', () => client.destroy())
  const say = async () => {
    const question = JSON.parse(await readLine(client)) as AgentQuestion
    if (question.ask === 'end') return end()
    if (question.ask === 'connections') return step.connections.filter(({ delivers }) => delivers === true)
    const { connection } = question
    if (question.ask === 'refused') return void refused.add(connection)
    const asked = { connection, refused: refused.has(connection) }
    const [credential] = await api.credentials(step, '/nonexistent', asked)
    refused.delete(connection)
    if (credential === undefined)
      throw new MayflyError('denied', `the role hands out no credential of "${connection}"`)
    handed(credential)
    return credential
  }
  say().then(
    (said) => client.end(`${JSON.stringify({ ok: said ?? null })}\n`),
    (error: unknown) => client.end(`${JSON.stringify({ error: messageOf(error) })}\n`),
  )
}

function removeSocket(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Somebody was faster.
  }
}
