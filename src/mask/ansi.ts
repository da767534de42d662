const esc = 0x1b
// Longer ones are not sequences: what is held back for an unfinished one has to end somewhere.
const maxControlBytes = 64
const maxStringBytes = 2048

/**
 * The length of the ANSI sequence (ECMA-48) whose ESC is at `at`: 0 when there is none,
 * -1 when the bytes up to `end` may still become one.
 */
export function ansiLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) return -1
  const kind = bytes[at + 1] as number
  if (kind === 0x5b) return controlLength(bytes, at, end)
  // OSC, DCS, SOS, PM, APC: text up to BEL or ESC \.
  if (kind === 0x5d || kind === 0x50 || kind === 0x58 || kind === 0x5e || kind === 0x5f) {
    return stringLength(bytes, at, end)
  }
  let i = at + 1
  while (i < end && i - at < 4 && inRange(bytes[i] as number, 0x20, 0x2f)) i++
  if (i === end) return -1
  return inRange(bytes[i] as number, 0x30, 0x7e) ? i - at + 1 : 0
}

function controlLength(bytes: Uint8Array, at: number, end: number): number {
  const limit = at + maxControlBytes
  for (let i = at + 2; i < limit; i++) {
    if (i >= end) return -1
    const byte = bytes[i] as number
    if (inRange(byte, 0x40, 0x7e)) return i - at + 1
    if (!inRange(byte, 0x20, 0x3f)) return 0
  }
  return 0
}

function stringLength(bytes: Uint8Array, at: number, end: number): number {
  const limit = at + maxStringBytes
  for (let i = at + 2; i < limit; i++) {
    if (i >= end) return -1
    const byte = bytes[i] as number
    if (byte === 0x07) return i - at + 1
    if (byte !== esc) continue
    if (i + 1 >= end) return -1
    return bytes[i + 1] === 0x5c ? i - at + 2 : 0
  }
  return 0
}

function inRange(byte: number, low: number, high: number): boolean {
  return byte >= low && byte <= high
}
