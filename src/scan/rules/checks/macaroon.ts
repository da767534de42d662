import { heldIf, doubtful, type Verdict } from './verdict.ts'

const [version, endOfSection, location, identifier, signature] = [2, 0, 1, 2, 6]

/**
 * PyPI's tokens: a macaroon of libmacaroons' second binary form, in base64 behind `pypi-`. Fields are a type, a length and so many
 * bytes; a zero ends a section. The signature is the last one, of 32 bytes.
 */
export function checkPypi(secret: string): Verdict {
  const bytes = Buffer.from(secret.slice('pypi-'.length), 'base64url')
  if (bytes[0] !== version) return doubtful
  const types: number[] = []
  for (let at = 1; at < bytes.length;) {
    const type = bytes[at] ?? 0
    if (type === endOfSection) {
      at++
      continue
    }
    const length = varintAt(bytes, at + 1)
    if (length === undefined || length.end + length.value > bytes.length) return doubtful
    if (type === signature) return heldIf(isWhole(types) && length.end + 32 === bytes.length, doubtful)
    types.push(type)
    at = length.end + length.value
  }
  return doubtful
}

function isWhole(types: readonly number[]): boolean {
  return types[0] === location && types[1] === identifier
}

function varintAt(bytes: Buffer, at: number): { value: number; end: number } | undefined {
  const [first, second] = [bytes[at], bytes[at + 1]]
  if (first === undefined) return undefined
  if (first < 0x80) return { value: first, end: at + 1 }
  if (second === undefined || second >= 0x80) return undefined
  return { value: (first & 0x7f) | (second << 7), end: at + 2 }
}
