import { MayflyError } from '../lib/index.ts'

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `2026-11-25`, `2026-11-25T10:00:00Z`, or how long ago: `90m`, `6h`, `30d ago`. In Unix milliseconds. Throws `bad_input`. */
export function timeOf(text: string | undefined, nowMs = Date.now()): number | undefined {
  if (text === undefined) return undefined
  const [, number, unit = ''] = /^(\d{1,6})([mhd])(?: +ago)?$/.exec(text) ?? []
  if (number !== undefined) return nowMs - Number(number) * (units[unit] ?? 0)
  // Without a zone it is UTC, as every time that we print.
  const timeMs = Date.parse(/T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?$/.test(text) ? `${text}Z` : text)
  if (/^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(timeMs)) return timeMs
  throw new MayflyError(
    'bad_input',
    `${text} is no time such as 2026-11-25, 2026-11-25T10:00:00Z, or 6h (so long ago)`,
  )
}
