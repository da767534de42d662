import type { Readable } from 'node:stream'
import { MayflyError, escapeUnseen, isVisible, limits } from '../../lib/index.ts'
import { kinds } from '../../kinds/index.ts'
import { nextChunk } from './next-chunk.ts'
import { sha1, sha256, type ObjectFormat } from './object-format.ts'
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
  /** What the client asks of the server beside the updates (`git push -o`): it may do what no ref says. */
  readonly options: readonly string[]
  /** Every byte read so far: to be sent on unchanged, before the rest of the stream. */
  readonly head: Buffer
  /** How many bytes of `head` stand behind the updates and options. */
  readonly packBytes: number
}

const maxOptions = 100
const maxOptionChars = 1_000

/** Reads the ref updates, and what stands between them and the pack. Throws `bad_input` for anything git itself would not send. */
export async function readPushRequest(body: Readable): Promise<PushRequest> {
  const reading: Reading = {
    unread: Buffer.alloc(0),
    updates: new Map(),
    capabilities: new Set(),
    shallow: new Set(),
    options: [],
    section: 'updates',
  }
  const pieces: Buffer[] = []
  let total = 0
  while (!readSections(reading)) {
    if (total > limits.pushCommandBytes)
      throw new MayflyError('limit_exceeded', 'the push names too many refs')
    const chunk = await nextChunk(body)
    if (chunk === undefined) throw new MayflyError('bad_input', 'the push ended before its ref updates did')
    pieces.push(chunk)
    total += chunk.length
    reading.unread = reading.unread.length === 0 ? chunk : Buffer.concat([reading.unread, chunk])
  }
  const { unread, updates, capabilities, shallow, options } = reading
  return {
    updates: [...updates.values()],
    capabilities,
    shallow,
    options,
    head: Buffer.concat(pieces),
    packBytes: unread.length,
  }
}

/** How far the request has been read; what was read is not read again when more comes. */
interface Reading {
  unread: Buffer
  updates: Map<string, RefUpdate>
  capabilities: ReadonlySet<string>
  shallow: Set<string>
  options: string[]
  section: 'updates' | 'options' | 'pack'
}

/** Reads what is there; true once the pack would begin. */
function readSections(reading: Reading): boolean {
  let at = 0
  while (reading.section !== 'pack') {
    const read = readPacket(reading.unread, at)
    if (read === undefined) break
    at = read.next
    if (read.packet.kind === 'delimiter') throw new MayflyError('bad_input', 'a delimiter in a push')
    if (read.packet.kind === 'flush') {
      // Behind the updates, if the client said so with the first of them (gitprotocol-pack, "push-options").
      const more = reading.section === 'updates' && reading.capabilities.has('push-options')
      reading.section = more ? 'options' : 'pack'
    } else if (reading.section === 'updates') addLine(reading, decodeLine(read.packet.payload))
    else addOption(reading, decodeLine(read.packet.payload))
  }
  reading.unread = reading.unread.subarray(at)
  return reading.section === 'pack'
}

function addOption({ options }: Reading, option: string): void {
  if (options.push(option) > maxOptions)
    throw new MayflyError('limit_exceeded', `a push with more than ${maxOptions} push options`)
  if (option.length > maxOptionChars || !isVisible(option) || /\p{Cc}/u.test(option))
    throw new MayflyError(
      'bad_input',
      `a push option that is not of visible characters, or over ${maxOptionChars} of them`,
    )
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
  if (updates.size > limits.pushRefs)
    throw new MayflyError('limit_exceeded', `a push of more than ${limits.pushRefs} refs`)
}

/** How the repository names its objects. */
export function formatOf({ updates }: PushRequest): ObjectFormat {
  return updates[0]?.newCommit.length === 64 ? sha256 : sha1
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
