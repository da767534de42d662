import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import { type Clock, constantTimeEqual, type ServedCertificate, sha256Hex } from '../../lib/index.ts'
import { type Answer, createAnswerer, json, readBody, refusal } from '../serve/index.ts'
import { createOwnEntries } from './alarms.ts'
import { parseAppendRequest, parseEraseRequest } from './append-request.ts'
import type { Appender } from './appender.ts'
import type { FailureSwitch } from './failure.ts'
import { type AttestationRoutes, createAttestationRoutes } from './attestations/routes.ts'
import type { Attestations } from './attestations/open.ts'
import type { AppendOutcome } from './group.ts'
import type { PeopleStore } from './people-store.ts'
import type { Publisher } from './publisher.ts'
import type { StaticFiles } from './static-files.ts'
import type { Witnesses } from './witnesses.ts'

export interface HttpDeps {
  appender: Appender
  people: PeopleStore
  publisher: Publisher
  failure: FailureSwitch
  files: StaticFiles
  witnesses: Witnesses
  attestations: Attestations | undefined
  clock: Clock
  /** SHA-256 of the append token, hexadecimal. */
  appendTokenHash: string
  maxBodyBytes: number
  isClosing: () => boolean
  /** With it the log speaks HTTPS. */
  certificate: ServedCertificate | undefined
  /** Is there a second listener, in plain HTTP for this machine alone? */
  hasLocal: boolean
}

export interface Listeners {
  readonly main: Server
  readonly local: Server | undefined
}

/** Bytes of bodies that are being read at once, by what they declare, or could be. */
const maxOpenBytes = 268_435_456

/** Of the attestation log, which the same process keeps. */
const besidePrefix = '/attestations/'

const stopping = busy(503, 'the audit log is stopping')

/** The log's HTTP: `POST /append` for the holder of the token, everything else read-only and public. */
export function createHttp(deps: HttpDeps): Listeners {
  let openBytes = 0
  // Whoever writes to us sees by it that the log was started again, perhaps over another folder.
  const whoAnswers = { 'mayfly-log-process': randomUUID() }
  /** Reads a body of the token's holder and does with it what `act` does; everybody else, and too much, is refused first. */
  async function write(request: IncomingMessage, act: (body: Buffer) => Promise<Answer>): Promise<Answer> {
    if (!hasOwnToken(request)) return refusal(401, 'bad_token', 'the append token is missing or wrong')
    if (deps.isClosing()) return stopping
    const failure = deps.failure.current() ?? deps.attestations?.failure.current()
    if (failure !== undefined) return refusal(failure.status, failureCode(failure.status), failure.reason)
    const declared = Number(request.headers['content-length'] ?? deps.maxBodyBytes)
    const tooLong = refusal(413, 'limit_exceeded', `at most ${deps.maxBodyBytes} bytes in a request`)
    if (declared > deps.maxBodyBytes) return tooLong
    if (openBytes + declared > maxOpenBytes) return busy(429, 'too many requests at once')
    openBytes += declared
    const body = await readBody(request, deps.maxBodyBytes).finally(() => (openBytes -= declared))
    if (body === undefined) return tooLong
    return deps.isClosing() ? stopping : await act(body)
  }

  const { attestations, clock } = deps
  const hasOwnToken = (request: IncomingMessage) => hasToken(request, deps.appendTokenHash)
  const beside: AttestationRoutes | undefined =
    attestations &&
    createAttestationRoutes({
      ...{ attestations, clock, write, hasToken: hasOwnToken },
      record: createOwnEntries({ appender: deps.appender, clock, origin: attestations.origin }),
    })

  async function append(body: Buffer): Promise<Answer> {
    const parsed = parseAppendRequest(body)
    return parsed.ok ? answerOf(await deps.appender.append(parsed.entries)) : refused(parsed)
  }

  /** The key goes first: if the entry cannot be made then, it is asked for again, and the key stays gone. */
  async function erase(body: Buffer): Promise<Answer> {
    const parsed = parseEraseRequest(body)
    if (!parsed.ok) return refused(parsed)
    try {
      await deps.people.erase(parsed.person)
    } catch (error) {
      const { status, reason } = deps.failure.fail('erasing a person', error)
      return refusal(status, failureCode(status), reason)
    }
    return answerOf(await deps.appender.append([parsed.entry]))
  }

  async function answer(request: IncomingMessage): Promise<Answer> {
    const given = await route(request)
    return { ...given, headers: { ...given.headers, ...whoAnswers } }
  }

  async function route(request: IncomingMessage): Promise<Answer> {
    const { method, url = '' } = request
    if (url.startsWith(besidePrefix) && beside !== undefined)
      return await beside(request, url.slice(besidePrefix.length))
    const act = { '/append': append, '/erase': erase }[url]
    if (act !== undefined)
      return method === 'POST' ? await write(request, act) : refusal(405, 'bad_input', 'POST only')
    if (method !== 'GET') return refusal(405, 'bad_input', 'GET only')
    if (url === '/healthz') return health(deps)
    const file = await deps.files.read(url.slice(1))
    if (file === undefined) return refusal(404, 'not_found', 'there is no such file')
    const headers = { 'content-type': file.type, 'cache-control': file.cache }
    return { status: 200, body: file.bytes, headers }
  }

  return {
    main: createAnswerer(answer, deps.certificate),
    local: deps.hasLocal ? createAnswerer(answer) : undefined,
  }
}

function hasToken(request: IncomingMessage, hash: string): boolean {
  const match = /^Bearer ([\x21-\x7e]{1,512})$/.exec(request.headers.authorization ?? '')
  return match !== null && constantTimeEqual(sha256Hex(match[1] ?? ''), hash)
}

function answerOf(outcome: AppendOutcome): Answer {
  if (outcome.ok) {
    return json(200, { receipts: outcome.receipts.map(publicReceipt), signature: outcome.signature })
  }
  if (outcome.reason === 'busy') return busy(429, 'the queue of the audit log is full')
  if (outcome.reason === 'failed')
    return refusal(outcome.status, failureCode(outcome.status), outcome.message)
  if (outcome.reason === 'other_key')
    return refusal(
      409,
      'conflict',
      `the log holds another key of ${outcome.person}: names are sealed with the first one`,
    )
  return refusal(409, 'conflict', `the key ${outcome.key} was used for another entry`)
}

function publicReceipt(receipt: { index: number; leafHash: string; timeMs: number; signature: string }) {
  const { index, leafHash, timeMs, signature } = receipt
  return { index, leafHash, timeMs, signature }
}

function health({ appender, publisher, failure, witnesses, attestations }: HttpDeps): Answer {
  const published = publisher.publishedSize()
  const size = published + appender.durable().length
  const stopped = failure.current()
  const states = witnesses.states()
  // Entries are as durable as ever: a lost quorum is told, and refuses nobody.
  const cosigned = states.length === 0 ? {} : { quorum: witnesses.quorum(), witnesses: states }
  const degraded =
    attestations === undefined ? cosigned : { ...cosigned, attestations: stateOf(attestations) }
  if (stopped === undefined) return json(200, { ok: true, size, published, ...degraded })
  return json(503, { ok: false, size, published, reason: stopped.reason })
}

/** What keeps signatures from being logged is told here, and refuses no entry of the audit log. */
function stateOf(attestations: Attestations): object {
  const { failure, authority, witnesses } = attestations
  const states = witnesses.states()
  const stopped = failure.current()
  const ready = authority.ready()
  const reason = stopped?.reason ?? (ready.ok ? undefined : ready.message)
  return {
    ...{ ok: reason === undefined, size: attestations.size() },
    ...(reason === undefined ? {} : { reason }),
    ...(states.length === 0 ? {} : { quorum: witnesses.quorum(), witnesses: states }),
  }
}

function refused({ status, message }: { status: 400 | 413; message: string }): Answer {
  return refusal(status, status === 413 ? 'limit_exceeded' : 'bad_input', message)
}

function failureCode(status: 503 | 507): string {
  return status === 507 ? 'disk_full' : 'audit_unavailable'
}

function busy(status: 429 | 503, message: string): Answer {
  const answer = refusal(status, status === 429 ? 'limit_exceeded' : 'audit_unavailable', message)
  return { ...answer, headers: { ...answer.headers, 'retry-after': '1' } }
}
