/** What came first: the size of the terminal in characters, when it began, and what it is. */
export interface CastHead {
  readonly columns: number
  readonly rows: number
  readonly startedMs: number
  readonly title: string
}

/** Shown, typed, or the terminal has another size (`COLUMNSxROWS`). */
export type CastEvent = 'o' | 'i' | 'r'

/** The first line of a recording (asciicast v2, section Header). */
export function castHead({ columns, rows, startedMs, title }: CastHead): Buffer {
  const timestamp = Math.floor(startedMs / 1000)
  return line({ version: 2, width: columns, height: rows, timestamp, title })
}

/** One line for each event, `ms` after the beginning (section Event stream). */
export function castEvent(ms: number, event: CastEvent, text: string): Buffer {
  return line([ms / 1000, event, text])
}

function line(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}
