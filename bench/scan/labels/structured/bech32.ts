const letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'

/** BIP 173, as age writes its keys. */
export function bech32(name: string, bytes: Buffer): string {
  const data = fives(bytes)
  const expanded = [
    ...[...name].map((one) => one.charCodeAt(0) >> 5),
    0,
    ...[...name].map((one) => one.charCodeAt(0) & 31),
  ]
  const sum = checksum([...expanded, ...data, 0, 0, 0, 0, 0, 0]) ^ 1
  const tail = Array.from({ length: 6 }, (_, i) => (sum >> (5 * (5 - i))) & 31)
  return `${name}1${[...data, ...tail].map((one) => letters[one]).join('')}`
}

function fives(bytes: Buffer): number[] {
  const bits = [...bytes].map((one) => one.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? []).map((five) => Number.parseInt(five.padEnd(5, '0'), 2))
}

function checksum(values: readonly number[]): number {
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
  let sum = 1
  for (const value of values) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ value
    for (const [i, factor] of generator.entries()) if (((top >> i) & 1) === 1) sum ^= factor
  }
  return sum >>> 0
}
