/**
 * Marvin32, the checksum of Azure's keys: microsoft/security-utilities, src/Microsoft.Security.Utilities.Core/Marvin.Net5.cs.
 * Returns 32 bits, unsigned.
 */
export function marvin32(data: Buffer, seed: bigint): number {
  let [low, high] = [Number(seed & 0xffffffffn), Number(seed >> 32n)]
  const round = (word: number): void => {
    low = (low + word) >>> 0
    high = (high ^ low) >>> 0
    low = (turn(low, 20) + high) >>> 0
    high = (turn(high, 9) ^ low) >>> 0
    low = (turn(low, 27) + high) >>> 0
    high = turn(high, 19)
  }
  const whole = data.length - (data.length % 4)
  for (let at = 0; at < whole; at += 4) round(data.readUInt32LE(at))
  const last = Buffer.alloc(4)
  data.copy(last, 0, whole)
  last[data.length - whole] = 0x80
  round(last.readUInt32LE(0))
  round(0)
  return (low ^ high) >>> 0
}

function turn(word: number, bits: number): number {
  return ((word << bits) | (word >>> (32 - bits))) >>> 0
}
