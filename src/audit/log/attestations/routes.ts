import { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { type Clock, sha256Hex } from '../../../lib/index.ts'
import { type Answer, json, readBody, refusal } from '../../serve/index.ts'
import type { TimestampChain } from '../../timestamp/index.ts'
import { parseRekords, type NewRekord } from './append-request.ts'
import type { Inclusion } from './head.ts'
import type { Attestations, Included } from './open.ts'

export interface RouteDeps {
  readonly attestations: Attestations
  readonly clock: Clock
  /** Reads the body of the append token's holder and does with it what `act` does; refuses everybody else. */
  readonly write: (request: IncomingMessage, act: (body: Buffer) => Promise<Answer>) => Promise<Answer>
  readonly hasToken: (request: IncomingMessage) => boolean
  /** Has the audit log keep what was done to this one. */
  readonly record: (what: string, type: string, data: Record<string, unknown>) => Promise<void>
}

export type AttestationRoutes = (request: IncomingMessage, path: string) => Promise<Answer>

/** Below `/attestations/`, by the rest of the path. */
export function createAttestationRoutes(deps: RouteDeps): AttestationRoutes {
  const { attestations, write, hasToken } = deps
  const stamps = createStampLimit(deps.clock)

  async function append(body: Buffer): Promise<Answer> {
    const parsed = parseRekords(body)
    if (!parsed.ok)
      return refusal(parsed.status, parsed.status === 413 ? 'limit_exceeded' : 'bad_input', parsed.message)
    const ready = attestations.authority.ready()
    if (!ready.ok) return refusal(503, 'audit_unavailable', ready.message)
    const including = attestations.include(parsed.entries.map(({ entry }) => entry))
    const stamped = await stampAll(parsed.entries)
    const outcome = await including
    if (!outcome.ok) return refusedBy(outcome)
    return 'message' in stamped
      ? refusal(503, 'audit_unavailable', stamped.message)
      : json(200, answerOf(outcome, stamped.timestamps))
  }

  /** While the disk works. A signature takes near 0.1 ms, and the disk's answers have their turn between them. */
  async function stampAll(entries: readonly NewRekord[]) {
    const timestamps: Buffer[] = []
    for (const { signature } of entries) {
      await setImmediate()
      const stamped = attestations.authority.stamp(signature)
      if (!stamped.ok) return stamped
      timestamps.push(stamped.response)
    }
    return { timestamps }
  }

  async function stamp(request: IncomingMessage): Promise<Answer> {
    if (request.headers['content-type'] !== 'application/timestamp-query')
      return refusal(415, 'bad_input', 'a TimeStampReq comes with content-type: application/timestamp-query')
    if (!hasToken(request) && !stamps())
      return {
        ...refusal(429, 'limit_exceeded', 'too many timestamps at once: try again in a second'),
        headers: { 'retry-after': '1', 'content-type': 'application/json' },
      }
    const body = await readBody(request, maxQueryBytes)
    if (body === undefined)
      return refusal(413, 'limit_exceeded', `at most ${maxQueryBytes} bytes in a TimeStampReq`)
    const headers = { 'content-type': 'application/timestamp-reply', 'cache-control': 'no-store' }
    return { status: 200, body: attestations.authority.answer(body), headers }
  }

  async function rotate(): Promise<Answer> {
    const rotated = await attestations.authority.rotate()
    if (!rotated.ok) return refusal(503, 'audit_unavailable', rotated.message)
    const [replaced, current] = attestations.authority.chains().slice(-2).map(fingerprintOf)
    await deps.record(`timestamp ${current}`, 'timestamp.rotated', {
      certificate: current,
      replaces: replaced,
    })
    return keys()
  }

  async function announce(): Promise<Answer> {
    const { authority } = attestations
    const known = authority.next()
    const announced = await authority.announce()
    if (!announced.ok) return refusal(503, 'audit_unavailable', announced.message)
    const next = authority.next()
    if (known === undefined && next !== undefined) {
      const certificate = fingerprintOf(next)
      await deps.record(`timestamp next ${certificate}`, 'timestamp.announced', { certificate })
    }
    return keys()
  }

  function keys(): Answer {
    const { origin, verifierKey, sinceMs, authority } = attestations
    const next = authority.next()
    return json(200, {
      ...{ origin, verifierKey, sinceMs, timestampChains: authority.chains() },
      ...(next === undefined ? {} : { nextTimestampChain: { chain: next.chain, sinceMs: next.sinceMs } }),
    })
  }

  return async (request, path) => {
    const { method } = request
    const post = { entries: append, 'timestamp/rotate': rotate, 'timestamp/announce': announce }[path]
    if (post !== undefined || path === 'timestamp') {
      if (method !== 'POST') return refusal(405, 'bad_input', 'POST only')
      return post === undefined ? await stamp(request) : await write(request, post)
    }
    if (method !== 'GET') return refusal(405, 'bad_input', 'GET only')
    if (path === 'keys') return keys()
    const file = await attestations.files.read(path)
    if (file === undefined) return refusal(404, 'not_found', 'there is no such file')
    return {
      status: 200,
      body: file.bytes,
      headers: { 'content-type': file.type, 'cache-control': file.cache },
    }
  }
}

/** SHA-256 of the certificate that signs, as `openssl x509 -fingerprint -sha256` has it but for the colons. */
function fingerprintOf({ chain }: TimestampChain): string {
  return sha256Hex(new X509Certificate(chain[0] ?? '').raw)
}

/** A TimeStampReq with SHA-512, a nonce and a policy has some 140 bytes. */
const maxQueryBytes = 1_024

const strangersPerSecond = 50

/**
 * Anybody may have the time signed, as at any authority. Strangers share fifty a second: with near 1 ms for each at worst
 * they never take more than a twentieth of this process. Whoever holds the append token is not counted.
 */
function createStampLimit(clock: Clock): () => boolean {
  let second = 0
  let count = 0
  return () => {
    const now = Math.floor(clock.nowMs() / 1000)
    if (now !== second) [second, count] = [now, 0]
    return ++count <= strangersPerSecond
  }
}

function answerOf(inclusion: Inclusion, timestamps: readonly Buffer[]): object {
  const { treeSize, rootHash, checkpoint, entries } = inclusion
  return {
    treeSize,
    rootHash: rootHash.toBase64(),
    checkpoint,
    entries: entries.map(({ index, hashes }, i) => ({
      index,
      hashes: hashes.map((hash) => hash.toBase64()),
      timestamp: timestamps[i]?.toString('base64'),
    })),
  }
}

function refusedBy(outcome: Included & { ok: false }): Answer {
  if (outcome.reason === 'failed')
    return refusal(
      outcome.status,
      outcome.status === 507 ? 'disk_full' : 'audit_unavailable',
      outcome.message,
    )
  const answer = refusal(429, 'limit_exceeded', 'the queue of the attestation log is full')
  return { ...answer, headers: { ...answer.headers, 'retry-after': '1' } }
}
