import { availableParallelism } from 'node:os'
import { MayflyError, type Clock } from '../lib/index.ts'
import type { ContentScanner, LookedFor, Scanned, ScanStream } from './content-scanner.ts'
import { createRoom, type Room } from './room.ts'
import { startScanThread, type ScanThread } from './scan-thread.ts'

/** Of all that steps send together; who comes then waits, and its upstream with it. */
const maxQueuedBytes = 134_217_728
/** The same of the output of all steps. */
const maxQueuedOutputBytes = 67_108_864
/** Of one step. */
const maxQueuedBytesOfStep = 33_554_432
/** Of one stream that the thread has not taken yet. */
const maxAheadBytes = 2_097_152
/** More go on at once than steps can mean; the threads share them. */
const maxStreams = 256
/** Who has sent nothing for so long has his place taken, once there is none left. */
const leastIdleMs = 30_000
/** Of what streams brought so much is kept, of each and of all together: to look at it again. */
const [maxKeptBytes, maxKeptInAll] = [8_388_608, 67_108_864]
/** What was lost with a thread that ended at another file is looked at again. */
const maxAttempts = 3

const byRules: LookedFor = { table: undefined, handed: [] }

/** Threads, and the room for what waits for them. */
interface Lane {
  readonly threads: Set<ScanThread>
  readonly mostThreads: number
  readonly room: Room
}

function createLane(mostThreads: number, bytes: number): Lane {
  return { threads: new Set(), mostThreads, room: createRoom({ bytes, bytesOfOne: maxQueuedBytesOfStep }) }
}

interface OpenStream {
  /** By the clock; infinite while the thread is at it. */
  idleSinceMs(): number
  drop(): void
}

/**
 * Threads that scan: none before the first file, and none for long after the last. A file that a thread dies of counts as one that
 * cannot be looked at; what else it had is scanned by another one, where all of it is here yet.
 */
export function createScanThreads({
  clock,
  entry,
}: {
  readonly clock: Clock
  readonly entry?: URL
}): ContentScanner {
  const most = Math.max(1, Math.min(4, availableParallelism() - 1))
  const sent = createLane(most, maxQueuedBytes)
  // It is masked only if it is looked at within seconds, however much of others waits.
  const output = createLane(1, maxQueuedOutputBytes)
  const laneOf = ({ as }: LookedFor) => (as === 'output' ? output : sent)
  const streams = new Set<OpenStream>()
  let keptInAll = 0
  let isClosed = false

  /** The one that has the least to do. */
  function threadFor({ threads, mostThreads }: Lane): ScanThread {
    if (isClosed) throw new MayflyError('server_stopping', 'the server is stopping')
    const [least] = [...threads].toSorted((a, b) => a.load() - b.load())
    if (least !== undefined && (least.load() === 0 || threads.size >= mostThreads)) return least
    try {
      const started = startScanThread({
        nowMs: () => clock.nowMs(),
        lost: () => threads.delete(started),
        ...(entry === undefined ? {} : { entry }),
      })
      threads.add(started)
      return started
    } catch (cause) {
      // The system may have no thread left to give.
      throw new MayflyError('thread_failed', 'no thread can be started to look into it', { cause })
    }
  }

  async function scanWhole(name: string, bytes: Buffer, looked = byRules): Promise<Scanned> {
    const lane = laneOf(looked)
    const giveBack = await lane.room.take(bytes.length, looked.of)
    try {
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        // A copy: what is handed on goes to the thread, and the caller goes on with its own.
        const outcome = await threadFor(lane).begin({ ...looked, name, bytes: new Uint8Array(bytes) }).scanned
        if (outcome !== 'lost beside another') return outcome
      }
      throw new MayflyError(
        'thread_failed',
        `${name}: the threads that look into files end at others: try again`,
      )
    } finally {
      giveBack()
    }
  }

  function stream(name: string, looked = byRules): ScanStream {
    if (isClosed) throw new MayflyError('server_stopping', 'the server is stopping')
    if (streams.size >= maxStreams && !dropIdle())
      throw new MayflyError('limit_exceeded', 'too many files are looked into at once')
    const kept = keep()
    let going = threadFor(laneOf(looked)).begin({ ...looked, name })
    let [isEnded, lastMs] = [false, clock.nowMs()]
    const dropped = Promise.withResolvers<never>()
    const open: OpenStream = {
      idleSinceMs: () => (isEnded || going.ahead() > 0 ? Infinity : lastMs),
      drop() {
        streams.delete(open)
        isEnded = true
        going.end()
        const why = `${name}: it waited for more, while too many others are looked into: send it again`
        dropped.reject(new MayflyError('limit_exceeded', why))
      },
    }
    streams.add(open)
    const ended = Promise.race([followed(), dropped.promise]).finally(() => {
      streams.delete(open)
      kept.forget()
    })
    ended.catch(() => undefined)

    /** Through threads that end at other files, as long as all that came is here to be looked at again. */
    async function followed(): Promise<Scanned> {
      for (let attempt = 1; ; attempt++) {
        const scanned = await going.scanned
        if (scanned !== 'lost beside another') return scanned
        const pieces = kept.pieces()
        if (pieces === undefined || attempt === maxAttempts)
          throw new MayflyError(
            'thread_failed',
            `${name}: the thread that looked into it ended at another file: try again`,
          )
        going = threadFor(laneOf(looked)).begin({ ...looked, name })
        for (const piece of pieces) going.piece(new Uint8Array(piece))
        if (isEnded) going.end()
      }
    }

    return {
      async write(piece) {
        if (isEnded) return
        lastMs = clock.nowMs()
        kept.add(piece)
        going.piece(new Uint8Array(piece))
        if (going.ahead() > maxAheadBytes) await going.taken(maxAheadBytes)
      },
      end() {
        isEnded = true
        going.end()
        return ended
      },
      leave() {
        isEnded = true
        kept.forget()
        going.end()
      },
    }
  }

  /** Gives the place of the stream that waits longest to another; false if all of them go on. */
  function dropIdle(): boolean {
    const [longest] = [...streams].toSorted((a, b) => a.idleSinceMs() - b.idleSinceMs())
    if (longest === undefined || clock.nowMs() - longest.idleSinceMs() < leastIdleMs) return false
    longest.drop()
    return true
  }

  /** The beginning of a stream, as long as it is all of it. */
  function keep() {
    let [pieces, bytes]: [Buffer[] | undefined, number] = [[], 0]
    function forget(): void {
      keptInAll -= bytes
      bytes = 0
      pieces = undefined
    }
    return {
      forget,
      pieces: () => pieces,
      add(piece: Buffer) {
        if (bytes + piece.length > maxKeptBytes || keptInAll + piece.length > maxKeptInAll) forget()
        if (pieces === undefined) return
        pieces.push(Buffer.from(piece))
        bytes += piece.length
        keptInAll += piece.length
      },
    }
  }

  return {
    scan: scanWhole,
    stream,
    forget() {
      for (const { threads } of [sent, output]) for (const thread of threads) thread.forget()
    },
    async close() {
      isClosed = true
      const lanes = [sent, output]
      for (const { room } of lanes) room.close()
      await Promise.all(lanes.flatMap(({ threads }) => [...threads]).map((thread) => thread.close()))
    },
  }
}
