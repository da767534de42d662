/** Shannon's, in bits a byte. */
export function entropyOf(bytes: Uint8Array): number {
  const counts = new Int32Array(256)
  for (const byte of bytes) counts[byte] = (counts[byte] as number) + 1
  let bits = 0
  for (const count of counts) if (count > 0) bits -= (count / bytes.length) * Math.log2(count / bytes.length)
  return bits
}
