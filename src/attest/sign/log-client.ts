import { createAgent, exchange, type HttpAnswer } from '../../audit/client/index.ts'
import { httpSource, parseVerifierKey } from '../../audit/verify/index.ts'
import { connectionProblem, MayflyError, type Secret } from '../../lib/index.ts'
import { type Asked, checkAnswer, type CheckedAnswer } from './log-answer.ts'
import type { AttestationLog, LoggedEntry } from './log.ts'
import { createLogHead } from './log-head.ts'
import { type AllLogKeys, parseLogKeys } from './log-keys.ts'

export interface AttestationLogOptions {
  /** Of the process that keeps the log: `http://127.0.0.1:PORT`, or https. */
  readonly url: string
  readonly appendToken: Secret
  /** The attestation log's public key (a vkey); an answer by any other is refused. */
  readonly verifierKey: string
  /** A checkpoint that this log signed before we were started; a log that does not have it is refused. */
  readonly remembered?: string | undefined
  /** Called with each checkpoint of a greater tree than any before, before whoever waits for it goes on. */
  readonly onHead?: (checkpoint: string) => void
  /** One exchange. */
  readonly timeoutMs?: number
  /** How long an entry goes on being tried. */
  readonly giveUpMs?: number
  /** Entries that wait; one more is refused at once. */
  readonly maxWaiting?: number
}

export interface AttestationLogClient extends AttestationLog {
  keys(): Promise<AllLogKeys>
  /** Finishes what waits; later entries are refused. */
  close(): Promise<void>
}

interface Waiting extends Asked {
  readonly json: string
  readonly sinceMs: number
  readonly resolve: (logged: LoggedEntry) => void
  readonly reject: (error: MayflyError) => void
}

const maxUnderWay = 2
const maxBatch = 64
const againMs = 100

/**
 * The attestation log over HTTP. Two requests are under way at a time, and what comes meanwhile goes into the next. An entry
 * whose answer was lost is sent again: the log knows it by its content. Nothing is believed before the checkpoint's
 * signature and the proof were verified; the timestamp is verified with the bundle that it goes into (bundle.ts). Throws a MayflyError `config_invalid` for a key or URL that is none.
 */
export function createAttestationLog(options: AttestationLogOptions): AttestationLogClient {
  const { timeoutMs = 3_000, giveUpMs = 5_000, maxWaiting = 4_096 } = options
  const verifier = parseVerifierKey(options.verifierKey)
  if (verifier?.type !== 'note')
    throw new MayflyError('config_invalid', "the attestation log's verifier key is malformed")
  if (!URL.canParse(options.url)) throw new MayflyError('config_invalid', `not a URL: ${options.url}`)
  const agent = createAgent(options.url)
  const base = new URL('/attestations/', options.url)
  const head = createLogHead(httpSource(base.href), verifier, options)
  const queue: Waiting[] = []
  const open = new Set<Promise<LoggedEntry>>()
  let underWay = 0
  let closed = false

  async function work(): Promise<void> {
    underWay++
    while (queue.length > 0) await deliver(queue.splice(0, maxBatch))
    underWay--
  }

  async function deliver(batch: readonly Waiting[]): Promise<void> {
    for (let rest = batch; rest.length > 0;) {
      const problem = await send(rest).catch((error: unknown) => failAll(rest, error))
      if (problem === undefined) return
      const now = performance.now()
      const late = rest.filter(({ sinceMs }) => now - sinceMs >= giveUpMs)
      rest = rest.filter((one) => !late.includes(one))
      failAll(late, unavailable(problem))
      if (rest.length > 0) await new Promise((resolve) => setTimeout(resolve, againMs))
    }
  }

  /** Settles the batch, or gives back why it has to be sent again. */
  async function send(batch: readonly Waiting[]): Promise<string | undefined> {
    const body = Buffer.from(`{"entries":[${batch.map(({ json }) => json).join()}]}`)
    const headers = {
      authorization: `Bearer ${options.appendToken.reveal()}`,
      'content-type': 'application/json',
      'content-length': String(body.length),
    }
    const answer = await ask('entries', { method: 'POST', headers, body })
    if (typeof answer === 'string') return answer
    if (answer.status === 429 || answer.status >= 500) return messageIn(answer.body)
    if (answer.status !== 200) {
      // One refused entry must not take those with it that only happened to go along.
      if (batch.length > 1) {
        const middle = batch.length >> 1
        return (await send(batch.slice(0, middle))) ?? (await send(batch.slice(middle)))
      }
      const reason = `the attestation log refused the entry (${answer.status}): ${messageIn(answer.body)}`
      return failAll(batch, new MayflyError('audit_rejected', reason))
    }
    const checked = await checkAnswer(answer.body, batch, verifier!)
    const why = checked.ok ? await head.whyNot(checked, answer.process) : checked.message
    if (!checked.ok || why !== undefined)
      return failAll(batch, new MayflyError('audit_corrupt', `${why}: nothing is signed by its word`))
    settle(batch, checked)
    return undefined
  }

  async function readKeys(): Promise<AllLogKeys> {
    const answer = await ask('keys', { method: 'GET' })
    if (typeof answer === 'string') throw unavailable(answer)
    if (answer.status !== 200) throw unavailable(messageIn(answer.body))
    const keys = parseLogKeys(answer.body)
    if (keys?.verifierKey === options.verifierKey.trim()) return keys
    throw new MayflyError(
      'audit_corrupt',
      'what answers in the place of the attestation log has another key: it is not the log that this server signed to',
    )
  }

  async function ask(
    path: string,
    request: { method: 'GET' | 'POST'; headers?: Record<string, string>; body?: Buffer },
  ): Promise<HttpAnswer | string> {
    return await exchange(agent, new URL(path, base), { ...request, timeoutMs }).catch(connectionProblem)
  }

  return {
    async add(entry, signature) {
      if (closed) throw unavailable('the client of the attestation log is closed')
      if (queue.length >= maxWaiting)
        throw new MayflyError('limit_exceeded', 'too many signatures wait for the attestation log')
      const asked = { entry: Buffer.from(entry), signature: Buffer.from(signature) }
      const json = `{"entry":"${asked.entry.toString('base64')}","signature":"${asked.signature.toString('base64')}"}`
      const adding = new Promise<LoggedEntry>((resolve, reject) => {
        queue.push({ ...asked, json, sinceMs: performance.now(), resolve, reject })
        if (underWay < maxUnderWay) void work()
      })
      open.add(adding)
      return await adding.finally(() => open.delete(adding))
    },
    keys: readKeys,
    async close() {
      closed = true
      await Promise.allSettled(open)
      agent.destroy()
    },
  }
}

function settle(batch: readonly Waiting[], { entries, treeSize, rootHash, checkpoint }: CheckedAnswer): void {
  for (const [i, one] of batch.entries()) {
    const entry = entries[i]
    if (entry !== undefined) one.resolve({ treeSize, rootHash, checkpoint, ...entry })
  }
}

function failAll(batch: readonly Waiting[], error: unknown): undefined {
  const known =
    error instanceof MayflyError ? error : unavailable(error instanceof Error ? error.message : String(error))
  for (const one of batch) one.reject(known)
}

function unavailable(reason: string): MayflyError {
  return new MayflyError(
    'audit_unavailable',
    `the attestation log did not take the signature: ${reason}; it is signed once the log is back (mayfly doctor)`,
  )
}

function messageIn(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body)
    const message = typeof parsed === 'object' && parsed !== null && 'message' in parsed ? parsed.message : ''
    return typeof message === 'string' ? message.slice(0, 500) : ''
  } catch {
    return 'it answered in no form that is known'
  }
}
