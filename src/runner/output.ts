import { createHash } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import type { MaskStream, Masker } from '../mask/index.ts'
import { createWholeLines } from './whole-lines.ts'

/** One of the step's two outputs on its way to ours. */
export interface OutputCopy {
  /** Resolves when the source has ended and everything of it is written. */
  readonly done: Promise<void>
  /** What was shown: bytes, and their SHA-256 in hex. */
  summary(): { bytes: number; sha256: string }
}

/** How long a line without its end waits for the rest, and held bytes for that of a possible secret, if none has begun. */
const idleMs = 40

/**
 * Copies and masks, line by line. As slow as its reader: a full pipe stops the step, not us. `masker` is asked for at the first
 * byte: a step that says nothing pays nothing for it. What `shown` gives back is waited for before more is read.
 */
export function copyOutput(
  source: Readable,
  target: Writable,
  masker: () => Masker,
  shown: (chunk: Buffer) => Promise<void> | undefined,
): OutputCopy {
  let stream: MaskStream | undefined
  const lines = createWholeLines()
  const hash = createHash('sha256')
  let bytes = 0
  let left = false
  /** Why nothing is read for now: the reader's buffer, and those who asked for a pause. */
  let full = false
  let held = 0
  let idle: NodeJS.Timeout | undefined

  function show(chunk: Buffer): void {
    if (chunk.length === 0) return
    bytes += chunk.length
    hash.update(chunk)
    hold(shown(chunk))
    // Whoever reads our output may leave (`| head`); the step then goes on, unseen.
    if (!left && !target.write(chunk)) {
      full = true
      source.pause()
    }
  }

  function hold(until: Promise<void> | undefined): void {
    if (until === undefined) return
    held++
    source.pause()
    void until.finally(() => {
      held--
      goOn()
    })
  }

  const goOn = () => {
    if (!full && held === 0) source.resume()
  }
  const resume = () => {
    full = false
    goOn()
  }
  const leave = () => {
    left = true
    resume()
  }
  target.on('drain', resume).on('error', leave)

  source.on('data', (chunk: Buffer) => {
    clearTimeout(idle)
    const masked = (stream ??= masker().stream())
    show(lines.add(masked.write(chunk)))
    idle = setTimeout(() => {
      show(lines.add(masked.flushIdle()))
      show(lines.rest())
    }, idleMs)
  })
  const done = new Promise<void>((resolve) => {
    source.once('close', () => {
      clearTimeout(idle)
      if (stream !== undefined) show(lines.add(stream.end()))
      show(lines.rest())
      target.off('drain', resume).off('error', leave)
      // What was written last may still fail, with nobody left to hear of it.
      if (left) target.on('error', () => undefined)
      resolve()
    })
  })
  return { done, summary: () => ({ bytes, sha256: hash.copy().digest('hex') }) }
}
