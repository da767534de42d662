import { MayflyError } from '../lib/index.ts'

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `2026-11-25`, `2026-11-25T10:00:00Z`, or how long ago: `90m`, `6h`, `30d ago`. In Unix milliseconds. Throws `bad_input`. */
export function timeOf(text: string | undefined, nowMs = Date.now()): number | undefined {
  if (text === undefined) return undefined
  const [, number, unit = ''] = /^(\d{1,6})([mhd])(?: +ago)?$/.exec(text) ?? []
  if (number !== undefined) return nowMs - Number(number) * (units[unit] ?? 0)
  const timeMs = momentIn(text)
  if (timeMs !== undefined) return timeMs
  throw new MayflyError(
    'bad_input',
    `${text} is no time such as 2026-11-25, 2026-11-25T10:00:00Z, or 6h (so long ago)`,
  )
}

/** A moment that is to come or was, and not how long ago. Throws `bad_input`. */
export function momentOf(text: string): number {
  const timeMs = momentIn(text)
  if (timeMs !== undefined) return timeMs
  throw new MayflyError('bad_input', `${text} is no time such as 2026-11-29 or 2026-11-29T06:00:00Z`)
}

const rfc3339 = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(:\d{2})?(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})?)?$/i

/** RFC 3339, a day, or a moment without a zone: that is UTC, as every time that we print, wherever the shell stands. */
function momentIn(text: string): number | undefined {
  const [, day, minute = '00:00', second = ':00', fraction = '', zone = 'Z'] = rfc3339.exec(text) ?? []
  if (day === undefined) return undefined
  const clock = `${day}T${minute}${second}`
  const asUtcMs = Date.parse(`${clock}Z`)
  // Date.parse takes 30 February for a day of March.
  if (Number.isNaN(asUtcMs) || !new Date(asUtcMs).toISOString().startsWith(clock)) return undefined
  const timeMs = Date.parse(`${clock}${fraction}${zone.toUpperCase()}`)
  return Number.isNaN(timeMs) ? undefined : timeMs
}
