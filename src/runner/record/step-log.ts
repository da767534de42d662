import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  escapeUnseen,
  limits,
  logHead,
  lostFrame,
  MayflyError,
  messageOf,
  outputFrames,
  type LogStream,
} from '../../lib/index.ts'
import { createPieces, type Pieces } from './pieces.ts'

/** The step's log on its way to the server, while the step runs. Nothing that happens to it breaks the step. */
export interface StepLog {
  /**
   * What is shown goes into the record. What it gives back is to be waited for before more is read; undefined while there is
   * room. It never waits long: a server that does not take what it is sent loses a part of the log, not the step its time.
   */
  add(stream: LogStream, shown: Buffer): Promise<void> | undefined
  /** Sends the rest, for some seconds at most; undefined if the step said nothing. */
  end(): Promise<LogSummary | undefined>
}

/** What the runner says of the record that it made, for the entry of the step's end. */
export interface LogSummary {
  readonly bytes: number
  readonly sha256: string
  /** Bytes of output that are not in it. */
  readonly lost_bytes?: number
  /** Bytes of it that the server has not confirmed. */
  readonly unsent_bytes?: number
}

/** One piece of it: what the server has then, and why it takes no more, if so. */
export type SendPiece = (
  offset: number,
  bytes: Buffer,
  timeoutMs: number,
) => Promise<{
  readonly size: number
  readonly full?: string
  /** Where in the log the server has found secrets. */
  readonly mask?: readonly { readonly from: number; readonly to: number }[]
  /** What of it could not be looked at. */
  readonly unseen?: string
}>

/** What waits here at most. */
const maxWaitingBytes = 4_194_304
const everyMs = 1_000
/** Sent before its time. */
const largeBytes = 262_144
const requestMs = 10_000
/** How long a step waits for a server that has not answered yet. */
const patienceMs = 2_000
const lastMs = 5_000

export function createStepLog(deps: {
  send: SendPiece
  tell: (line: string) => void
  nowMs: () => number
  /** Secrets that the step has shown. */
  found?: (values: readonly string[]) => void
}): StepLog {
  const { send, tell, nowMs } = deps
  const hash = createHash('sha256')
  const pieces: Pieces = createPieces()
  let startedMs: number | undefined
  let bytes = 0
  let lostBytes = 0
  /** Lost since the last frame, and not said in the record yet. */
  let gap = 0
  let timer: NodeJS.Timeout | undefined
  let sending: Promise<void> | undefined
  let failing = false
  let closed = false
  let told = false
  let room: PromiseWithResolvers<void> | undefined
  const recent = createRecent()

  function record(frame: Buffer): void {
    hash.update(frame)
    bytes += frame.length
    pieces.push(frame)
  }

  function add(stream: LogStream, shown: Buffer): Promise<void> | undefined {
    if (startedMs === undefined) {
      startedMs = nowMs()
      record(logHead(startedMs))
    }
    if (closed || pieces.bytes() > maxWaitingBytes) {
      gap += shown.length
      lostBytes += shown.length
      return undefined
    }
    const ms = Math.max(0, Math.round(nowMs() - startedMs))
    if (gap > 0) record(lostFrame(ms, gap))
    gap = 0
    record(outputFrames(ms, stream, shown))
    schedule()
    return pieces.bytes() > maxWaitingBytes && !failing ? waitForRoom() : undefined
  }

  function waitForRoom(): Promise<void> {
    const mine = (room ??= Promise.withResolvers<void>())
    const patience = sleep(patienceMs, undefined, { ref: false }).then(() => {
      // It hangs: from here on what does not fit is lost, until it answers.
      if (room === mine) failing = true
    })
    return Promise.race([mine.promise, patience])
  }

  function schedule(): void {
    if (closed || sending !== undefined) return
    if (pieces.bytes() >= largeBytes && !failing) {
      clearTimeout(timer)
      timer = undefined
      sendNow(requestMs)
    } else timer ??= setTimeout(() => sendNow(requestMs), everyMs).unref()
  }

  function sendNow(timeoutMs: number): void {
    timer = undefined
    sending = sendOne(timeoutMs).finally(() => {
      sending = undefined
      room?.resolve()
      room = undefined
      if (pieces.bytes() > 0) schedule()
    })
  }

  async function sendOne(timeoutMs: number): Promise<void> {
    const { offset, bytes: piece } = pieces.next()
    try {
      const { size, full, mask = [], unseen } = await send(offset, piece, timeoutMs)
      recent.add(offset, piece)
      const found = recent.textsAt(mask)
      if (found.length > 0) deps.found?.(found)
      if (unseen !== undefined) tell(escapeUnseen(`mayfly: of what the step writes ${unseen}`))
      failing = false
      if (!pieces.confirm(size)) return stop('the server has lost a part of it')
      if (full !== undefined) stop(full)
    } catch (error) {
      failing = true
      if (error instanceof MayflyError && forGood.has(error.code)) return stop(error.message)
      sayOnce(`the log of the step waits to be kept: ${messageOf(error)}`)
    }
  }

  function stop(why: string): void {
    closed = true
    sayOnce(`the rest of the step’s log is not kept: ${why}`)
  }

  function sayOnce(line: string): void {
    if (!told) tell(`mayfly: ${line}`)
    told = true
  }

  return {
    add,
    async end() {
      clearTimeout(timer)
      if (startedMs === undefined) return undefined
      if (gap > 0) record(lostFrame(Math.round(nowMs() - startedMs), gap))
      const untilMs = performance.now() + lastMs
      for (let tries = 0; !closed && pieces.bytes() > 0; tries++) {
        const leftMs = untilMs - performance.now()
        // A server that has not answered so far gets one more try.
        if (leftMs <= 0 || (failing && tries > 1)) break
        if (sending === undefined) sendNow(leftMs)
        await Promise.race([sending, sleep(leftMs, undefined, { ref: false })])
        clearTimeout(timer)
        timer = undefined
      }
      closed = true
      const unsent = pieces.bytes()
      return {
        bytes,
        sha256: hash.digest('hex'),
        ...(lostBytes === 0 ? {} : { lost_bytes: lostBytes }),
        ...(unsent === 0 ? {} : { unsent_bytes: unsent }),
      }
    },
  }
}

const recentBytes = 2_097_152

/** What was sent last: the server says by its place what is to be masked, and sends nothing of it back. */
function createRecent() {
  let [bytes, start]: [Buffer, number] = [Buffer.alloc(0), 0]
  return {
    add(offset: number, piece: Buffer): void {
      const before = offset === start + bytes.length ? bytes : Buffer.alloc(0)
      const all = Buffer.concat([before, piece])
      bytes = all.subarray(Math.max(0, all.length - recentBytes))
      start = offset + piece.length - bytes.length
    },
    textsAt: (places: readonly Place[]) => textsAt(places, bytes, start),
  }
}

export interface Place {
  readonly from: number
  readonly to: number
}

/** What the server has found, as it was sent; `bytes` begin at `start`. What can be no secret is left out. */
export function textsAt(places: readonly Place[], bytes: Buffer, start = 0): string[] {
  // More of them are a server that is not ours; longer ones are no secret, and shorter ones cannot be masked.
  return places.slice(0, limits.maskedAtOnce).flatMap(({ from, to }) => {
    const isHere = from >= start && to <= start + bytes.length
    const isLike = to - from >= limits.leastMaskedBytes && to - from <= limits.mostMaskedBytes
    return isHere && isLike ? [bytes.toString('utf8', from - start, to - start)] : []
  })
}

/** What is answered so is answered so again. */
const forGood: ReadonlySet<string> = new Set(['revoked', 'bad_token', 'not_found', 'denied'])
