import type { Readable } from 'node:stream'
import { MayflyError, escapeUnseen, limits } from '../../lib/index.ts'
import { kinds } from '../../kinds/index.ts'
import { nextChunk } from './next-chunk.ts'
import { readPacket } from './pkt-line.ts'

/** One ref update of a push; all zeros stand for "does not exist". */
export interface RefUpdate {
  readonly ref: string
  readonly oldCommit: string
  readonly newCommit: string
}

/** What comes before the pack in a git-receive-pack request (gitprotocol-pack, "Reference Update Request"). */
export interface PushRequest {
  readonly updates: readonly RefUpdate[]
  readonly capabilities: ReadonlySet<string>
  /** Commits whose parents the client says it does not have (a shallow clone). */
  readonly shallow: ReadonlySet<string>
  /** Every byte read so far: to be sent on unchanged, before the rest of the stream. */
  readonly head: Buffer
  /** How many bytes of `head` stand behind the updates. */
  readonly packBytes: number
}

const maxUpdates = 1000

/**
 * Reads the ref updates and leaves the stream at, or a little into, the pack (`head` has all that was taken).
 * Throws `bad_input` for anything git itself would not send.
 */
export async function readPushRequest(body: Readable): Promise<PushRequest> {
  const reading: Reading = {
    bytes: Buffer.alloc(0),
    offset: 0,
    updates: new Map(),
    capabilities: new Set(),
    shallow: new Set(),
  }
  while (!readUpdates(reading)) {
    if (reading.bytes.length > limits.pushCommandBytes) {
      throw new MayflyError('limit_exceeded', 'the push names too many refs')
    }
    const chunk = await nextChunk(body)
    if (chunk === undefined) throw new MayflyError('bad_input', 'the push ended before its ref updates did')
    reading.bytes = Buffer.concat([reading.bytes, chunk])
  }
  const { bytes, offset, updates, capabilities, shallow } = reading
  // Push options stand behind the updates and can do what no grant names (GitLab: merge_request.target).
  if (capabilities.has('push-options')) throw new MayflyError('bad_input', 'push options are not passed on')
  const packBytes = bytes.length - offset
  return { updates: [...updates.values()], capabilities, shallow, head: bytes, packBytes }
}

/** How far the request has been read; what was read is not read again when more comes. */
interface Reading {
  bytes: Buffer
  offset: number
  updates: Map<string, RefUpdate>
  capabilities: ReadonlySet<string>
  shallow: Set<string>
}

/** Reads what is there; true once the flush after the last update was read. */
function readUpdates(reading: Reading): boolean {
  for (;;) {
    const read = readPacket(reading.bytes, reading.offset)
    if (read === undefined) return false
    reading.offset = read.next
    if (read.packet.kind === 'flush') return true
    if (read.packet.kind === 'delimiter') throw new MayflyError('bad_input', 'a delimiter in a push')
    addLine(reading, decodeLine(read.packet.payload))
  }
}

function addLine(reading: Reading, line: string): void {
  const { updates } = reading
  const shallow = /^shallow ([0-9a-f]{40}|[0-9a-f]{64})$/.exec(line)?.[1]
  if (updates.size === 0 && shallow !== undefined) {
    reading.shallow.add(shallow)
    return
  }
  const [command, list] = splitOnce(line, '\0')
  if (list !== undefined) {
    if (updates.size > 0) throw new MayflyError('bad_input', 'capabilities after the first ref update')
    reading.capabilities = new Set(list.split(' ').filter((name) => name !== ''))
  }
  const update = parseUpdate(command)
  const [first = update] = updates.values()
  if (update.newCommit.length !== first.newCommit.length)
    throw new MayflyError('bad_input', 'a push with ids of two lengths')
  if (updates.has(update.ref)) throw new MayflyError('bad_input', 'a push names a ref twice')
  updates.set(update.ref, update)
  if (updates.size > maxUpdates)
    throw new MayflyError('limit_exceeded', `a push of more than ${maxUpdates} refs`)
}

// What we read and what git reads must be the same text, so it has to be UTF-8 to the last byte.
function decodeLine(payload: Buffer): string {
  const text = payload.toString('utf8')
  if (!Buffer.from(text, 'utf8').equals(payload))
    throw new MayflyError('bad_input', 'a ref update that is not UTF-8')
  return text.endsWith('\n') ? text.slice(0, -1) : text
}

function parseUpdate(command: string): RefUpdate {
  const parts = /^([0-9a-f]{40}|[0-9a-f]{64}) ([0-9a-f]{40}|[0-9a-f]{64}) (refs\/[^\s]+)$/.exec(command)
  const [, oldCommit, newCommit, ref] = parts ?? []
  // push-cert and anything new that could carry refs past us end here.
  if (
    oldCommit === undefined ||
    newCommit?.length !== oldCommit.length ||
    ref === undefined ||
    !kinds.git.ref.form.is(ref)
  ) {
    throw new MayflyError(
      'bad_input',
      `not a ref update, or not of ${kinds.git.ref.form.rule}: "${escapeUnseen(command.slice(0, 200))}"`,
    )
  }
  return { ref, oldCommit, newCommit }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
