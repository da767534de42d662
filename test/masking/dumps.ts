import type { Random } from './random.ts'

/** A text among others as `od -An` prints it, and the same with every row masked in which a part of it stands. */
export interface DumpCase {
  readonly shown: string
  readonly masked: string
}

const names = new Map(Array.from('\0\x07\b\t\n\v\f\r', (c, i) => [c, `\\${'0abtnvfr'[i]}`]))

function characterCell(byte: number): string {
  const c = String.fromCharCode(byte)
  const shown = names.get(c) ?? (byte < 0x20 || byte > 0x7e ? byte.toString(8).padStart(3, '0') : c)
  return shown.padStart(4)
}

function words(row: Buffer): string {
  const whole = Buffer.concat([row, Buffer.alloc(row.length % 2)])
  return Array.from(
    { length: whole.length / 2 },
    (_, i) =>
      ` ${whole
        .readUInt16LE(i * 2)
        .toString(16)
        .padStart(4, '0')}`,
  ).join('')
}

const cells = (row: Buffer, cell: (byte: number) => string) => Array.from(row, cell).join('')

const rows: Readonly<Record<string, (row: Buffer) => string>> = {
  'od -An -c': (row) => cells(row, characterCell),
  'od -An -b': (row) => cells(row, (byte) => ` ${byte.toString(8).padStart(3, '0')}`),
  'od -An -t u1': (row) => cells(row, (byte) => String(byte).padStart(4)),
  'od -An -x': words,
}

export const dumpNames: readonly string[] = Object.keys(rows)

export function dumpOf(name: string, text: string, random: Random): DumpCase {
  const width = random.pick([16, 16, 8, 24])
  const before = Buffer.from(random.noise(random.below(40)))
  const bytes = Buffer.concat([before, Buffer.from(text), Buffer.from(random.noise(random.below(40)))])
  const [first, last] = [before.length, before.length + Buffer.byteLength(text) - 1]
  const shown: string[] = []
  const masked: string[] = []
  for (let at = 0; at < bytes.length; at += width) {
    const row = rows[name]?.(bytes.subarray(at, at + width)) ?? ''
    shown.push(row)
    masked.push(at + width > first && at <= last ? '  ***' : row)
  }
  return { shown: `\n${shown.join('\n')}\n`, masked: `\n${masked.join('\n')}\n` }
}
