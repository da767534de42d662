import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { MayflyError, limits } from '../../lib/index.ts'
import type { ByteQueue } from './byte-queue.ts'
import { inflateAway, inflatePiece } from './inflate.ts'
import { maxHeadBytes, readEntryHead, type EntryHead } from './pack-entry.ts'
import type { ObjectFormat, OnCommit, OnTag } from './object-format.ts'
import { createObjectReader, type ObjectReader } from './pack-objects.ts'
import type { BlobSink } from './scan.ts'

/** Objects, or inflated bytes, after which others get their turn. */
const objectsPerTurn = 256
const bytesPerTurn = 1_048_576

/**
 * Reads a pack as it passes (gitformat-pack), in bounded memory, and names its commits. All is read when it returns
 * but the last 20 or 32 bytes, the digest, which are right and still in the queue: without them no Git server takes
 * the pack. Nothing stands behind them.
 *
 * `blobs` is told of the blobs, and `onTag` of annotated tags, if anybody wants them.
 *
 * A commit that is a delta of an object that did not come before it in this pack is passed over: git writes bases
 * first, and what is not found here can only lead to a refusal.
 * Throws `bad_input` for what git would not take either, `limit_exceeded` for what is too much to look at.
 */
export async function readPack(
  queue: ByteQueue,
  format: ObjectFormat,
  onCommit: OnCommit,
  blobs?: BlobSink,
  onTag?: OnTag,
): Promise<void> {
  const count = await readHead(queue)
  const reader = createObjectReader(format, onCommit, blobs, onTag)
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
    offset += head.headBytes + (await readObject(queue, head, { offset, reader, format }))
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

interface Place {
  readonly offset: number
  readonly reader: ObjectReader
  readonly format: ObjectFormat
}

/** Returns how many compressed bytes it took. */
async function readObject(
  queue: ByteQueue,
  head: EntryHead,
  { offset, reader, format }: Place,
): Promise<number> {
  // Of others the small ones are inflated at once, since that is faster.
  const wanted = reader.wants(head)
  if (head.size <= (wanted ? limits.packPieceBytes : smallBytes)) {
    const { data, used } = await inflatePiece(queue, head.size)
    await reader.read(head, offset, data)
    return used
  }
  const blob = reader.blob(head, offset)
  if (blob === undefined) {
    const used = await inflateAway(queue, head.size)
    reader.large(head, offset)
    return used
  }
  const hash = createHash(format.algorithm).update(`blob ${head.size}\0`)
  try {
    const used = await inflateAway(queue, head.size, (piece) => {
      hash.update(piece)
      return blob.write(piece)
    })
    await blob.end(hash.digest('hex'))
    return used
  } catch (error) {
    blob.leave()
    throw error
  }
}

async function checkEnd(queue: ByteQueue, { idBytes }: ObjectFormat): Promise<void> {
  const digest = await queue.digest()
  if (!(await queue.fill(idBytes))) throw cutOff()
  if (!queue.bytes.subarray(0, idBytes).equals(digest))
    throw new MayflyError('bad_input', 'the digest at the end of the pack is not that of its bytes')
  // Git does not look at what stands behind the pack; whoever put it there wants two readings of it.
  if (await queue.fill(idBytes + 1)) throw new MayflyError('bad_input', 'there are bytes behind the pack')
}

function cutOff(): MayflyError {
  return new MayflyError('bad_input', 'the pack ends in the middle')
}
