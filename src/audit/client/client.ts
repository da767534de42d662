import { randomUUID } from 'node:crypto'
import type { Agent } from 'node:http'
import { connectionProblem, type Clock, MayflyError, type Secret } from '../../lib/index.ts'
import { parseVerifierKey, type Receipt, type Verifier } from '../verify/index.ts'
import { isRecord, messageIn, parseJson, verifiedReceipts } from './answer.ts'
import { createBatches, rejectAll, type Waiting } from './batches.ts'
import { type PeopleDirectory, sealPeople } from '../people/index.ts'
import { type AuditEvent, prepareEntry, type PreparedEntry } from './event.ts'
import { createAgent, exchange } from './request.ts'
import { createLogWatch, type LogWatch } from './log-watch.ts'
import type { RememberedEntry } from './recognise.ts'
import type { RunNumbers } from './run-numbers.ts'

export interface AuditClientOptions {
  /** Of the log: `http://127.0.0.1:PORT`, or https. */
  url: string
  appendToken: Secret
  /** The log's public key as a vkey; an answer by any other is refused. */
  verifierKey: string
  /** CloudEvents `source`: who writes, `/mayfly/server`. */
  source: string
  clock: Clock
  /** Who numbers the entries of runs; without it they have none. */
  numbers?: RunNumbers
  /** The last entry that the log confirmed before we were started: a log that does not have it is refused. */
  remembered?: RememberedEntry | undefined
  /** Called with each receipt, before whoever waits for it goes on. */
  onReceipt?: (receipt: Receipt) => void
  /** Told, once, what whoever runs us has to know: the log is not the one that we wrote to. */
  tell?: (line: string) => void
  /** Who people are in the log; without it an event that names one is refused. */
  people?: PeopleDirectory
  /** One exchange with the log. */
  timeoutMs?: number
  /** How long an append goes on trying, from the moment it was asked for. */
  giveUpMs?: number
  /** Appends that wait; one more is refused at once. */
  maxWaiting?: number
}

export interface AuditClient {
  /**
   * Resolves once the entry is durable in the log. Rejects with a MayflyError: `audit_unavailable` (no receipt in
   * time; the entry may stand in the log all the same), `audit_rejected` (the log refused it), `audit_corrupt`
   * (the answer is not the log's), `limit_exceeded`, `bad_input`.
   */
  append(event: AuditEvent): Promise<Receipt>
  /** Has the log delete a person's key, and append the entry that says so. Rejects as `append` does. */
  erase(person: string, event: AuditEvent): Promise<Receipt>
  /** `degraded` says why what is published is worth less than it should be: a lost quorum of witnesses. */
  health(): Promise<{ ok: true; size: number; degraded?: string } | { ok: false; reason: string }>
  /** Finishes what waits, each append within its own time; later appends are refused. */
  close(): Promise<void>
}

/**
 * A client with two requests under way at a time; what is appended meanwhile goes into the next, so that a busy client
 * shares the log's fsync and an idle one waits for nothing. Entries that nobody waited for in between may come into the
 * log in another order. A request that got no answer is sent again with the same idempotency keys: the log being
 * restarted costs time, not entries.
 * Throws a MayflyError `config_invalid` for a verifier key or an URL that is none.
 */
export function createAuditClient(options: AuditClientOptions): AuditClient {
  const { clock, source, timeoutMs = 2_000, giveUpMs = 3_000, maxWaiting = 20_000 } = options
  const verifier = parseVerifierKey(options.verifierKey)
  if (verifier === undefined)
    throw new MayflyError('config_invalid', "the audit log's verifier key is malformed")
  if (!URL.canParse(options.url)) throw new MayflyError('config_invalid', `not a URL: ${options.url}`)
  const agent = createAgent(options.url)
  const watch = createLogWatch({ ...options, verifier })
  const send = createSender(options, agent, verifier, timeoutMs, watch)
  const batches = createBatches({ send, giveUpMs, maxWaiting })
  const healthUrl = new URL('/healthz', options.url)
  let closed = false
  let preparing: Promise<unknown> = Promise.resolve()
  const open = new Set<Promise<Receipt>>()

  async function appendNumbered(event: AuditEvent): Promise<Receipt> {
    const { run } = event
    if (run === undefined || event.seq !== undefined || options.numbers === undefined)
      return await batches.add(await prepare(event))
    const seq = options.numbers.take(run)
    try {
      return await batches.add(await prepare({ ...event, seq }))
    } catch (error) {
      // It may stand in the log or not: whoever looks for gaps is told.
      options.numbers.giveUp(run, seq)
      throw error
    }
  }

  /** One after the other: entries are sent in the order in which they were handed over, whoever is to be looked up for them. */
  function prepare(event: AuditEvent): Promise<PreparedEntry> {
    const prepared = preparing.then(() => prepareNow(event))
    preparing = prepared.catch(() => undefined)
    return prepared
  }

  async function prepareNow(event: AuditEvent): Promise<PreparedEntry> {
    const { id = randomUUID(), data } = event
    const directory = options.people ?? nobody
    const sealed = await sealPeople(data, id, directory)
    return prepareEntry({ ...event, id, data: sealed.data }, source, clock.nowMs(), sealed.sealed)
  }

  return {
    async append(event) {
      if (closed) throw new MayflyError('audit_unavailable', 'the audit client is closed')
      const appending = appendNumbered(event)
      open.add(appending)
      return await appending.finally(() => open.delete(appending))
    },
    async erase(person, event) {
      const entry = await prepare(event)
      const body = Buffer.from(`{"person":${JSON.stringify(person)},"entry":${entry.json}}`)
      const eraseUrl = new URL('/erase', options.url)
      const headers = postHeaders(options.appendToken, body)
      const answer = await exchange(agent, eraseUrl, { method: 'POST', headers, body, timeoutMs }).catch(
        connectionProblem,
      )
      if (typeof answer === 'string' || answer.status === 429 || answer.status >= 500) {
        const reason = typeof answer === 'string' ? answer : messageIn(answer.body)
        throw new MayflyError(
          'audit_unavailable',
          `the audit log did not confirm that ${person} is erased: ${reason}; ask again`,
        )
      }
      if (answer.status !== 200)
        throw new MayflyError(
          'audit_rejected',
          `the audit log refused to erase ${person}: ${messageIn(answer.body)}`,
        )
      const [receipt] = (await verifiedReceipts(answer.body, [entry], verifier)) ?? []
      if (receipt === undefined)
        throw new MayflyError('audit_corrupt', 'the answer is not signed by the audit log')
      const other = await watch.check(answer.process)
      if (other !== undefined) throw new MayflyError('audit_corrupt', other)
      return receipt
    },
    async health() {
      const answer = await exchange(agent, healthUrl, { method: 'GET', timeoutMs }).catch(connectionProblem)
      if (typeof answer === 'string')
        return { ok: false, reason: `the audit log cannot be reached: ${answer}` }
      const other = await watch.check(answer.process)
      if (other !== undefined) return { ok: false, reason: other }
      const body = parseJson(answer.body)
      const size = isRecord(body) ? body['size'] : undefined
      const degraded = isRecord(body) ? degradedIn(body) : {}
      if (answer.status === 200 && typeof size === 'number') return { ok: true, size, ...degraded }
      return { ok: false, reason: messageIn(answer.body) }
    },
    async close() {
      closed = true
      await Promise.allSettled(open)
      await batches.drain()
      agent.destroy()
    },
  }
}

/** Sends a batch and settles it, or gives back why it has to be sent again. */
function createSender(
  options: AuditClientOptions,
  agent: Agent,
  verifier: Verifier,
  timeoutMs: number,
  watch: LogWatch,
) {
  const url = new URL('/append', options.url)
  return async function send(batch: readonly Waiting[]): Promise<string | undefined> {
    // Nothing more goes into a log that is not ours: it would only grow further apart.
    const refused = await watch.stillRefused()
    if (refused !== undefined) return rejectAll(batch, 'audit_corrupt', refused)
    const body = Buffer.from(`{"entries":[${batch.map((one) => one.json).join()}]}`)
    const headers = postHeaders(options.appendToken, body)
    const answer = await exchange(agent, url, { method: 'POST', headers, body, timeoutMs }).catch(
      connectionProblem,
    )
    if (typeof answer === 'string') return answer
    if (answer.status === 429 || answer.status >= 500) return messageIn(answer.body)
    if (answer.status !== 200) {
      // One refused entry must not take those with it that only happened to go along: they are sent again in halves.
      if (batch.length > 1 && ofOneEntry.has(answer.status)) {
        const middle = Math.ceil(batch.length / 2)
        return (await send(batch.slice(0, middle))) ?? (await send(batch.slice(middle)))
      }
      const reason = messageIn(answer.body)
      rejectAll(batch, 'audit_rejected', `the audit log refused the entry (${answer.status}): ${reason}`)
      return undefined
    }
    const receipts = await verifiedReceipts(answer.body, batch, verifier)
    if (receipts === undefined)
      return rejectAll(batch, 'audit_corrupt', 'the answer is not signed by the audit log')
    const other = await watch.check(answer.process)
    if (other !== undefined) return rejectAll(batch, 'audit_corrupt', other)
    for (const [i, one] of batch.entries()) {
      const receipt = receipts[i] as Receipt
      watch.remember(receipt)
      options.onReceipt?.(receipt)
      one.resolve(receipt)
    }
    return undefined
  }
}

/** Refusals that one entry of a batch is enough for: malformed, a key that was used for another entry, too long. */
const ofOneEntry: ReadonlySet<number> = new Set([400, 409, 413])

/** An event that names somebody needs to know who people are: their names never go into the log as they are. */
const nobody: PeopleDirectory = {
  find: () => Promise.reject(new MayflyError('bad_input', 'this client may not log the names of people')),
}

function postHeaders(token: Secret, body: Buffer): Record<string, string> {
  return {
    authorization: `Bearer ${token.reveal()}`,
    'content-type': 'application/json',
    'content-length': String(body.length),
  }
}

function degradedIn(body: Record<string, unknown>): { degraded?: string } {
  if (body['quorum'] !== false || !Array.isArray(body['witnesses'])) return {}
  const missing = (body['witnesses'] as unknown[]).filter(isRecord).filter(({ ok }) => ok !== true)
  const names = missing.map(({ name, reason }) => `${String(name)} (${String(reason)})`.slice(0, 200))
  return { degraded: `the witnesses are no quorum: ${names.join(', ')}` }
}
