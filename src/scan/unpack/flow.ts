/** Bytes that are taken from their front, as they come. */
export interface Flow {
  /** What is in memory already. */
  readonly held: Buffer
  /** Of `held[0]`, from the beginning. */
  readonly offset: number
  /** Nothing comes behind `held`. */
  readonly isWhole: boolean
  /** Whether `held` has at least so many bytes now: not, if there are no more. */
  fill(bytes: number): Promise<boolean>
  /** Takes so many of `held`. They are true until anything else is asked of this flow. */
  take(bytes: number): Buffer
  /** The next bytes, at most so many; undefined at the end. */
  next(maxBytes: number): Promise<Buffer | undefined>
  /** Another flow of the same bytes from there, if they can be gone back to. */
  readonly from?: (offset: number) => Flow
  /** How many these are in all, if that is known. */
  readonly bytes?: number
}

/** Bytes that are somewhere else, and are read where they are needed. */
export interface Placed {
  readonly bytes: number
  /** Fills the buffer from there on; returns how many bytes there were. */
  readAt(offset: number, into: Buffer): number
}

const nothing = Buffer.alloc(0)

type Pull = () => Promise<Buffer | undefined> | Buffer | undefined

const chunkBytes = 262_144

export function flowOfBytes(bytes: Buffer, offset = 0): Flow {
  const flow = createFlow(() => undefined, offset, bytes.subarray(offset), true)
  return Object.assign(flow, { from: (at: number) => flowOfBytes(bytes, at), bytes: bytes.length })
}

/** It ends where its bytes cannot be had, which is told to `failed`. */
export function flowOfPlaced(placed: Placed, failed: (error: unknown) => void, offset = 0): Flow {
  let at = offset
  const memory = Buffer.allocUnsafeSlow(chunkBytes)
  const pull = () => {
    const count = placed.readAt(at, memory)
    at += count
    return count === 0 ? undefined : memory.subarray(0, count)
  }
  const flow = createFlow(orFailed(pull, failed), offset)
  const from = (start: number) => flowOfPlaced(placed, failed, start)
  return Object.assign(flow, { from, bytes: placed.bytes })
}

/** It ends where the next bytes cannot be had, which is told to `failed`. */
export function flowOf(chunks: AsyncIterable<Buffer>, failed: (error: unknown) => void): Flow {
  const iterator = chunks[Symbol.asyncIterator]()
  const pull = async () => {
    const { value, done } = await iterator.next()
    return done === true ? undefined : value
  }
  return createFlow(orFailed(pull, failed), 0)
}

function orFailed(pull: Pull, failed: (error: unknown) => void): Pull {
  return async () => {
    try {
      return await pull()
    } catch (error) {
      failed(error)
      return undefined
    }
  }
}

/** The next so many bytes of a flow, as a flow of their own; they are over in `outer` when that was read to its end. */
export interface Within {
  readonly flow: Flow
  /** Takes what was not read; returns how many bytes were missing in `outer`. */
  rest(): Promise<number>
}

/** What is short is in memory as a whole. */
const wholeBytes = 1_048_576

/** `see` is handed each of these bytes once, in their order. */
export async function flowWithin(
  outer: Flow,
  bytes: number,
  see: (bytes: Buffer) => void = () => {},
): Promise<Within> {
  if (bytes <= wholeBytes || outer.isWhole) {
    await outer.fill(Math.min(bytes, Number.MAX_SAFE_INTEGER))
    const taken = outer.take(bytes)
    see(taken)
    return { flow: flowOfBytes(taken), rest: async () => bytes - taken.length }
  }
  let left = bytes
  const pull = async () => {
    const chunk = left === 0 ? undefined : await outer.next(left)
    left -= chunk?.length ?? 0
    if (chunk !== undefined) see(chunk)
    return chunk
  }
  return {
    flow: createFlow(pull, 0),
    async rest() {
      while ((await pull()) !== undefined);
      return left
    },
  }
}

function createFlow(pull: Pull, start: number, first: Buffer = nothing, isEnded = false): Flow {
  let [held, offset, ended] = [first, start, isEnded]
  const store = createStore()

  const pulled = async (): Promise<Buffer | undefined> => {
    const chunk = ended ? undefined : await pull()
    if (chunk === undefined) ended = true
    return chunk
  }

  const take = (bytes: number): Buffer => {
    const taken = held.subarray(0, bytes)
    held = held.subarray(taken.length)
    offset += taken.length
    return taken
  }

  return {
    get held() {
      return held
    },
    get offset() {
      return offset
    },
    get isWhole() {
      return ended
    },
    async fill(bytes) {
      while (held.length < bytes) {
        if (ended) return false
        // Its source may use the memory of a chunk for the next one.
        if (held.length > 0) held = store.own(held)
        const chunk = await pulled()
        if (chunk === undefined) return false
        held = held.length === 0 ? chunk : store.joined(held, chunk)
      }
      return true
    },
    take,
    async next(maxBytes) {
      while (held.length === 0) {
        const chunk = await pulled()
        if (chunk === undefined) return undefined
        held = chunk
      }
      return take(maxBytes)
    },
  }
}

/** Memory with room behind what is held: so a megabyte is not copied once for each of its chunks. */
function createStore() {
  let memory: Buffer = nothing

  function moved(held: Buffer, more: number): Buffer {
    memory = Buffer.allocUnsafeSlow(Math.max(65_536, 2 * (held.length + more)))
    held.copy(memory)
    return memory.subarray(0, held.length)
  }

  const own = (held: Buffer) => (held.buffer === memory.buffer ? held : moved(held, 0))
  return {
    own,
    joined(held: Buffer, chunk: Buffer): Buffer {
      const isRoom = held.byteOffset + held.length + chunk.length <= memory.length
      const kept = isRoom ? held : moved(held, chunk.length)
      chunk.copy(memory, kept.byteOffset + kept.length)
      return memory.subarray(kept.byteOffset, kept.byteOffset + kept.length + chunk.length)
    },
  }
}
