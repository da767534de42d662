import type { Readable } from 'node:stream'
import { MayflyError, limits } from '../../lib/index.ts'
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
  /** Every byte read so far: to be sent on unchanged, before the rest of the stream. */
  readonly head: Buffer
}

const maxUpdates = 1000

/**
 * Reads the ref updates and leaves the stream at, or a little into, the pack (`head` has all that was taken).
 * Throws `bad_input` for anything git itself would not send.
 */
export async function readPushRequest(body: Readable): Promise<PushRequest> {
  let bytes: Buffer = Buffer.alloc(0)
  for (;;) {
    const parsed = parseUpdates(bytes)
    if (parsed !== undefined) return { ...parsed, head: bytes }
    if (bytes.length > limits.pushCommandBytes)
      throw new MayflyError('limit_exceeded', 'the push names too many refs')
    const chunk = await nextChunk(body)
    if (chunk === undefined) throw new MayflyError('bad_input', 'the push ended before its ref updates did')
    bytes = Buffer.concat([bytes, chunk])
  }
}

function parseUpdates(bytes: Buffer): { updates: RefUpdate[]; capabilities: Set<string> } | undefined {
  const updates: RefUpdate[] = []
  let capabilities = new Set<string>()
  let offset = 0
  for (;;) {
    const read = readPacket(bytes, offset)
    if (read === undefined) return undefined
    offset = read.next
    if (read.packet.kind === 'flush') return { updates, capabilities }
    if (read.packet.kind === 'delimiter') throw new MayflyError('bad_input', 'a delimiter in a push')
    const line = decodeLine(read.packet.payload)
    if (updates.length === 0 && /^shallow [0-9a-f]{40,64}$/.test(line)) continue
    const [command, list] = splitOnce(line, '\0')
    if (list !== undefined) {
      if (updates.length > 0) throw new MayflyError('bad_input', 'capabilities after the first ref update')
      capabilities = new Set(list.split(' ').filter((name) => name !== ''))
    }
    updates.push(parseUpdate(command))
    if (updates.length > maxUpdates)
      throw new MayflyError('limit_exceeded', `a push of more than ${maxUpdates} refs`)
    if (new Set(updates.map((update) => update.ref)).size < updates.length)
      throw new MayflyError('bad_input', 'a push names a ref twice')
  }
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
  if (oldCommit === undefined || newCommit === undefined || ref === undefined || !isRefName(ref)) {
    throw new MayflyError('bad_input', `not a ref update: ${JSON.stringify(command.slice(0, 120))}`)
  }
  return { ref, oldCommit, newCommit }
}

/** The rules of git-check-ref-format that keep one name from having two readings. */
function isRefName(ref: string): boolean {
  // eslint-disable-next-line no-control-regex
  if (/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\.$|\/$/.test(ref)) return false
  return ref.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'))
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

async function nextChunk(body: Readable): Promise<Buffer | undefined> {
  for (;;) {
    const chunk = body.read() as Buffer | null
    if (chunk !== null) return chunk
    if (body.readableEnded || body.destroyed) return undefined
    await new Promise<void>((resolve) => {
      const wake = () => {
        for (const name of ['readable', 'end', 'close', 'error']) body.off(name, wake)
        resolve()
      }
      for (const name of ['readable', 'end', 'close', 'error']) body.once(name, wake)
    })
  }
}
