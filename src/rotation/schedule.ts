import { createHash } from 'node:crypto'
import { longMs, parseCron, type RotationConfig } from '../config/index.ts'

/** When a value is to be replaced. Milliseconds since the Unix epoch. */
export interface Schedule {
  readonly plannedMs: number
  /** People are told that it has not happened yet. */
  readonly warnMs: number
  /** From then on it is late. */
  readonly lateMs: number
}

const hourMs = 3_600_000
const dayMs = 86_400_000

/**
 * Of a value that was made at `madeMs`. `seed` chooses where within the jitter it lies: the same on every server, at every
 * start. UTC throughout, so that no hour is missing and none comes twice.
 */
export function scheduleOf(config: RotationConfig, madeMs: number, seed: string): Schedule {
  const jitterMs = config.jitter === undefined ? 0 : longMs(config.jitter)
  const offsetMs = Math.floor(fractionOf(seed) * jitterMs)
  if (config.every !== undefined) {
    const everyMs = longMs(config.every)
    const lateMs = madeMs + everyMs
    // A window opens once a day: a day ahead there is one in time.
    const leadMs = config.window === undefined ? Math.min(everyMs / 10, dayMs) : dayMs
    const plannedMs = nextOpenMs(config.window, Math.max(madeMs, lateMs - leadMs - offsetMs))
    return { plannedMs, warnMs: plannedMs + Math.floor((lateMs - plannedMs) / 2), lateMs }
  }
  const cron = parseCron(config.cron ?? '')
  const firesMs = cron.nextRun(new Date(madeMs))?.getTime() ?? Number.MAX_SAFE_INTEGER
  const plannedMs = firesMs + offsetMs
  const lateMs = firesMs + jitterMs + hourMs
  return { plannedMs, warnMs: plannedMs + Math.floor((lateMs - plannedMs) / 2), lateMs }
}

/** May one begin now? */
export function isOpen(window: string | undefined, atMs: number): boolean {
  if (window === undefined) return true
  const { from, to } = edgesOf(window)
  const at = timeOfDay(atMs)
  return from < to ? from <= at && at < to : from <= at || at < to
}

/** The first moment from `atMs` on that lies within the window. */
export function nextOpenMs(window: string | undefined, atMs: number): number {
  if (window === undefined || isOpen(window, atMs)) return atMs
  const { from } = edgesOf(window)
  const waitMs = (from - timeOfDay(atMs) + dayMs) % dayMs
  return atMs + waitMs
}

function edgesOf(window: string): { from: number; to: number } {
  const [from = 0, to = 0] = window.split('-').map((text) => {
    const [hours = 0, minutes = 0] = text.split(':').map(Number)
    return hours * hourMs + minutes * 60_000
  })
  return { from, to }
}

function timeOfDay(atMs: number): number {
  return ((atMs % dayMs) + dayMs) % dayMs
}

function fractionOf(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE() / 2 ** 32
}
