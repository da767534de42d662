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
}

/** Bytes that are somewhere else, and are read where they are needed; fewer come at their end. */
export interface Placed {
  readAt(offset: number, bytes: number): Buffer
}

type Pull = () => Promise<Buffer | undefined> | Buffer | undefined

const chunkBytes = 262_144

export function flowOfBytes(bytes: Buffer, offset = 0): Flow {
  const flow = createFlow(() => undefined, offset, bytes.subarray(offset), true)
  return Object.assign(flow, { from: (at: number) => flowOfBytes(bytes, at) })
}

/** It ends where its bytes cannot be had, which is told to `failed`. */
export function flowOfPlaced(placed: Placed, failed: (error: unknown) => void, offset = 0): Flow {
  let at = offset
  const pull = () => {
    const chunk = placed.readAt(at, chunkBytes)
    at += chunk.length
    return chunk.length === 0 ? undefined : chunk
  }
  const flow = createFlow(orFailed(pull, failed), offset)
  return Object.assign(flow, { from: (start: number) => flowOfPlaced(placed, failed, start) })
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

function createFlow(pull: Pull, start: number, first: Buffer = Buffer.alloc(0), isEnded = false): Flow {
  let [held, offset, ended] = [first, start, isEnded]

  const pulled = async (): Promise<boolean> => {
    if (ended) return false
    const chunk = await pull()
    if (chunk === undefined) ended = true
    else held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    return !ended
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
      while (held.length < bytes) if (!(await pulled())) return false
      return true
    },
    take,
    async next(maxBytes) {
      while (held.length === 0) if (!(await pulled())) return undefined
      return take(maxBytes)
    },
  }
}
