import { MayflyError } from '../../lib/index.ts'
import { lfsPointerIn, type Unseen } from '../unpack/index.ts'
import { createMessageParts } from './messages.ts'
import { createLfsFiles } from './lfs-files.ts'
import { startGit, type GitPlace, type RunningGit } from './git.ts'
import type { Batch, BytesPart } from './model.ts'

/** A blob to be read, and what it is called. */
export interface WantedBlob {
  readonly id: string
  readonly name: string
  readonly paths?: readonly string[]
}

/** What is handed to a worker at once; a blob may be longer. */
const batchBytes = 2_097_152
const batchParts = 4_096
/** Longer ones the worker asks Git for itself, and reads as they come. */
export const maxHeldBlobBytes = 16_777_216
const idsAtOnce = 1_000

/** The content of blobs, in their order. Throws `bad_input` with what Git said. */
export async function* readBlobs(
  place: GitPlace,
  wanted: Iterable<WantedBlob> | AsyncIterable<WantedBlob>,
  unseen: (unseen: Unseen) => void,
): AsyncGenerator<Batch> {
  const git = startGit(place, ['cat-file', '--batch', '--buffer'])
  const asked = createQueue<WantedBlob>()
  const asking = ask(git, wanted, asked)
  // It may fail before anybody waits for it, and is waited for below.
  asking.catch(() => {})
  const packer = createPacker()
  const reader = createReader(git.output)
  const messagePartsOf = createMessageParts()
  const lfs = createLfsFiles(place)

  /** Of a commit or a tag. */
  async function takeSaid({ id, type, bytes }: { id: string; type: string; bytes: number }): Promise<void> {
    if (bytes > maxHeldBlobBytes) {
      unseen({ name: `${type} ${id}`, code: 'limit', why: `it is longer than ${maxHeldBlobBytes} bytes` })
      return reader.skip(bytes)
    }
    const { memory, at } = packer.place(bytes)
    await reader.into(memory, bytes)
    for (const { name, from, to } of messagePartsOf(type, id, Buffer.from(memory.buffer, at, bytes)))
      packer.add({ name }, at + from, to - from)
  }

  try {
    for (;;) {
      const head = await reader.line()
      if (head === '') break
      const { id, name, paths } = asked.shift()
      const named = { name, blob: id, ...(paths === undefined ? {} : { paths }) }
      const [, type, size] = /^[0-9a-f]{40,64} (\w+)(?: (\d+))?$/.exec(head) ?? []
      if (size === undefined) {
        unseen({
          name: name || id,
          code: 'unreadable',
          why: `Git does not have ${id}: is it a partial clone, or broken (\`git fsck\`)?`,
        })
        continue
      }
      const bytes = Number(size)
      if (type !== 'blob') {
        if (bytes <= maxHeldBlobBytes && !packer.hasRoom(bytes)) yield* packer.flush()
        await takeSaid({ id, type: type ?? '', bytes })
      } else if (bytes > maxHeldBlobBytes) {
        await reader.skip(bytes)
        yield { parts: [{ kind: 'blob', ...named, git: place }] }
      } else {
        if (!packer.hasRoom(bytes)) yield* packer.flush()
        const { memory, at } = packer.place(bytes)
        await reader.into(memory, bytes)
        const pointsTo = lfsPointerIn(memory)
        const hasContent = pointsTo !== undefined && (await lfs.find(pointsTo, named))
        packer.add({ ...named, ...(hasContent ? { hasContent } : {}) }, at, bytes)
      }
      await reader.skip(1)
    }
    yield* packer.flush()
    yield* lfs.batches()
    await asking
    if (asked.isAny())
      throw new MayflyError('bad_input', 'git ended before it had given all blobs: run `git fsck`')
  } finally {
    git.stop()
    await asking.catch(() => {})
  }
}

async function ask(
  git: RunningGit,
  wanted: Iterable<WantedBlob> | AsyncIterable<WantedBlob>,
  asked: Queue<WantedBlob>,
): Promise<void> {
  let lines = ''
  let count = 0
  try {
    for await (const one of wanted) {
      asked.push(one)
      lines += `${one.id}\n`
      if (++count % idsAtOnce !== 0) continue
      await git.write(lines)
      lines = ''
    }
    await git.write(lines)
  } finally {
    git.end()
  }
}

interface Queue<T> {
  push(one: T): void
  /** Throws if it is empty. */
  shift(): T
  isAny(): boolean
}

function createQueue<T>(): Queue<T> {
  let all: T[] = []
  let first = 0
  return {
    push: (one) => void all.push(one),
    shift() {
      const one = all[first++]
      if (one === undefined) throw new Error('git answered what it was not asked')
      if (first > 10_000) [all, first] = [all.slice(first), 0]
      return one
    },
    isAny: () => first < all.length,
  }
}

/** Puts several blobs into one buffer. */
function createPacker() {
  let buffer = new SharedArrayBuffer(0)
  /** Otherwise there is as much of it as the collector of garbage is slow. */
  const free: SharedArrayBuffer[] = []
  let parts: BytesPart[] = []
  let filled = 0
  const memoryFor = (bytes: number) =>
    (bytes <= batchBytes ? free.pop() : undefined) ?? new SharedArrayBuffer(Math.max(bytes, batchBytes))
  return {
    hasRoom: (bytes: number) =>
      parts.length === 0 || (filled + bytes <= buffer.byteLength && parts.length < batchParts),
    /** Memory for an object, of which parts are added when it is read. */
    place(bytes: number): { readonly memory: Uint8Array; readonly at: number } {
      if (buffer.byteLength - filled < bytes) [buffer, filled] = [memoryFor(bytes), 0]
      const at = filled
      filled += bytes
      return { memory: new Uint8Array(buffer, at, bytes), at }
    },
    add(named: Omit<BytesPart, 'kind' | 'at' | 'bytes'>, at: number, bytes: number): void {
      parts.push({ kind: 'bytes', ...named, at, bytes })
    },
    *flush(): Generator<Batch> {
      const used = buffer
      const done = () => void (used.byteLength === batchBytes && free.push(used))
      if (parts.length > 0) yield { parts, buffer, done }
      ;[parts, filled, buffer] = [[], 0, new SharedArrayBuffer(0)]
    },
  }
}

const maxLineBytes = 1_024

/** Reads what `cat-file --batch` prints. Throws what its output throws, also where it ends too early. */
function createReader(output: AsyncIterable<Buffer>) {
  const chunks = output[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)

  async function more(): Promise<boolean> {
    const { value, done } = await chunks.next()
    if (done === true) return false
    held = held.length === 0 ? value : Buffer.concat([held, value])
    return true
  }

  async function each(bytes: number, take: (chunk: Buffer) => void): Promise<void> {
    for (let left = bytes; left > 0;) {
      if (held.length === 0 && !(await more())) return
      const chunk = held.subarray(0, left)
      take(chunk)
      held = held.subarray(chunk.length)
      left -= chunk.length
    }
  }

  return {
    async line(): Promise<string> {
      let end = held.indexOf(0x0a)
      while (end === -1 && held.length < maxLineBytes && (await more())) end = held.indexOf(0x0a)
      const line = held.toString('latin1', 0, Math.max(end, 0))
      held = held.subarray(end === -1 ? held.length : end + 1)
      return line
    },
    skip: (bytes: number) => each(bytes, () => {}),
    async into(target: Uint8Array, bytes: number): Promise<void> {
      let at = 0
      await each(bytes, (chunk) => {
        target.set(chunk, at)
        at += chunk.length
      })
    },
  }
}
