import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { MayflyError, limits } from '../../lib/index.ts'
import type { ByteQueue } from './byte-queue.ts'
import { inflateAway, inflatePiece } from './inflate.ts'
import { applyDelta, maxHeadBytes, parentsOf, readEntryHead, type EntryHead } from './pack-entry.ts'

/** How a repository names its objects: by SHA-1, or by SHA-256 since git 2.29. */
export interface ObjectFormat {
  readonly algorithm: 'sha1' | 'sha256'
  readonly idBytes: 20 | 32
}

export const sha1: ObjectFormat = { algorithm: 'sha1', idBytes: 20 }
export const sha256: ObjectFormat = { algorithm: 'sha256', idBytes: 32 }

/** Told of each commit: its id, computed from its content, and the parents that it names. */
export type OnCommit = (id: string, parents: readonly string[]) => void

/** Objects, or inflated bytes, after which others get their turn. */
const objectsPerTurn = 256
const bytesPerTurn = 1_048_576

/**
 * Reads a pack as it passes (gitformat-pack), in bounded memory, and names its commits. All is read when it returns
 * but the last 20 or 32 bytes, the digest, which are right and still in the queue: without them no Git server takes
 * the pack. Nothing stands behind them.
 *
 * A commit that is a delta of an object that did not come before it in this pack is passed over: git writes bases
 * first, and what is not found here can only lead to a refusal.
 * Throws `bad_input` for what git would not take either, `limit_exceeded` for what is too much to look at.
 */
export async function readPack(queue: ByteQueue, format: ObjectFormat, onCommit: OnCommit): Promise<void> {
  const count = await readHead(queue)
  const commits = createCommitReader(format, onCommit)
  let offset = 12
  let inflated = 0
  let sinceTurn = 0
  for (let i = 0; i < count; i++) {
    const head = await readObjectHead(queue, format)
    inflated += head.size
    if (inflated > limits.packInflatedBytes)
      throw new MayflyError(
        'limit_exceeded',
        `the pack inflates to more than ${limits.packInflatedBytes} bytes`,
      )
    offset += head.headBytes + (await readObject(queue, head, offset, commits))
    sinceTurn += head.size
    if (i % objectsPerTurn === 0 || sinceTurn > bytesPerTurn) {
      sinceTurn = 0
      await setImmediate()
    }
  }
  await checkEnd(queue, format)
}

async function readHead(queue: ByteQueue): Promise<number> {
  if (!(await queue.fill(12))) throw cutOff()
  const head = queue.bytes
  if (head.toString('latin1', 0, 4) !== 'PACK' || head.readUInt32BE(4) !== 2)
    throw new MayflyError('bad_input', 'what follows the ref updates is not a pack of version 2')
  const count = head.readUInt32BE(8)
  if (count > limits.packObjects)
    throw new MayflyError('limit_exceeded', `the pack has more than ${limits.packObjects} objects`)
  queue.skip(12)
  return count
}

async function readObjectHead(queue: ByteQueue, { idBytes }: ObjectFormat): Promise<EntryHead> {
  let head = readEntryHead(queue.bytes, idBytes)
  if (head === undefined) {
    await queue.fill(maxHeadBytes)
    head = readEntryHead(queue.bytes, idBytes)
    if (head === undefined) throw cutOff()
  }
  queue.skip(head.headBytes)
  return head
}

const smallBytes = 16_384

/** Returns how many compressed bytes it took. */
async function readObject(
  queue: ByteQueue,
  head: EntryHead,
  offset: number,
  commits: CommitReader,
): Promise<number> {
  // Only a commit, or a delta of one, is wanted whole; of others the small ones are inflated at once, since that is faster.
  const most = head.kind === 'other' ? smallBytes : limits.packPieceBytes
  if (head.size > most) return inflateAway(queue, head.size)
  const { data, used } = await inflatePiece(queue, head.size)
  commits.read(head, offset, data)
  return used
}

async function checkEnd(queue: ByteQueue, { idBytes }: ObjectFormat): Promise<void> {
  const digest = await queue.digest()
  if (!(await queue.fill(idBytes))) throw cutOff()
  if (!queue.bytes.subarray(0, idBytes).equals(digest))
    throw new MayflyError('bad_input', 'the digest at the end of the pack is not that of its bytes')
  // Git does not look at what stands behind the pack; whoever put it there wants two readings of it.
  if (await queue.fill(idBytes + 1)) throw new MayflyError('bad_input', 'there are bytes behind the pack')
}

interface CommitReader {
  /** Takes the object at this offset, or the delta, if it is a commit. */
  read(head: EntryHead, offset: number, data: Buffer): void
}

function createCommitReader({ algorithm, idBytes }: ObjectFormat, onCommit: OnCommit): CommitReader {
  // The oldest go first: git makes deltas of what is near.
  const byOffset = new Map<number, { id: string; content: Buffer }>()
  const offsets = new Map<string, number>()
  let kept = 0

  function keep(offset: number, id: string, content: Buffer): void {
    byOffset.set(offset, { id, content })
    offsets.set(id, offset)
    kept += content.length + 200
    for (const [oldest, one] of byOffset) {
      if (kept <= limits.packKeptBytes) break
      byOffset.delete(oldest)
      if (offsets.get(one.id) === oldest) offsets.delete(one.id)
      kept -= one.content.length + 200
    }
  }

  function contentOf({ kind, base }: EntryHead, offset: number, data: Buffer): Buffer | undefined {
    if (kind !== 'delta') return kind === 'commit' ? data : undefined
    const at = typeof base === 'string' ? offsets.get(base) : offset - (base ?? 0)
    const found = at === undefined ? undefined : byOffset.get(at)
    return found && applyDelta(found.content, data, limits.packPieceBytes)
  }

  return {
    read(head, offset, data) {
      const content = contentOf(head, offset, data)
      const parents = content && parentsOf(content, idBytes)
      if (content === undefined || parents === undefined) return
      const id = createHash(algorithm).update(`commit ${content.length}\0`).update(content).digest('hex')
      keep(offset, id, content)
      onCommit(id, parents)
    },
  }
}

function cutOff(): MayflyError {
  return new MayflyError('bad_input', 'the pack ends in the middle')
}
