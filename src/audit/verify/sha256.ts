/** Node's own hash where there is Node; looked up, not imported, so that the same file loads in a browser. */
const nodeCrypto = globalThis.process?.getBuiltinModule?.('node:crypto')

/** SHA-256 (FIPS 180-4) of `input`: 32 bytes. */
export const sha256: (input: Uint8Array) => Uint8Array =
  nodeCrypto === undefined ? portableSha256 : (input) => nodeCrypto.hash('sha256', input, 'buffer')

/** The first 32 bits of the fractional parts of the roots of the first primes (FIPS 180-4, sections 4.2.2, 5.3.3). */
function primeRoots(count: number, root: number): Uint32Array {
  const words: number[] = []
  for (let candidate = 2; words.length < count; candidate++) {
    let prime = true
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) prime &&= candidate % divisor !== 0
    if (prime) words.push((candidate ** (1 / root) % 1) * 2 ** 32)
  }
  return Uint32Array.from(words)
}

const constants = primeRoots(64, 3)
const start = primeRoots(8, 2)

/** Where there is no Node: the browser's own hash answers later, and a tree is walked now. */
export function portableSha256(input: Uint8Array): Uint8Array {
  const padded = new Uint8Array((((input.length + 8) >> 6) + 1) * 64)
  padded.set(input)
  padded[input.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setBigUint64(padded.length - 8, BigInt(input.length) * 8n)
  const state = Uint32Array.from(start)
  const schedule = new Uint32Array(64)
  for (let at = 0; at < padded.length; at += 64) {
    for (let i = 0; i < 16; i++) schedule[i] = view.getUint32(at + i * 4)
    addBlock(state, schedule)
  }
  const digest = new DataView(new ArrayBuffer(32))
  state.forEach((word, i) => digest.setUint32(i * 4, word))
  return new Uint8Array(digest.buffer)
}

/** One round of the compression function (FIPS 180-4, section 6.2.2); words 0 to 15 of `schedule` are the block. */
function addBlock(state: Uint32Array, schedule: Uint32Array): void {
  const word = (i: number) => schedule[i] as number
  for (let i = 16; i < 64; i++) {
    const [x, y] = [word(i - 15), word(i - 2)]
    const sigma0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)
    const sigma1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10)
    schedule[i] = word(i - 16) + sigma0 + word(i - 7) + sigma1
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let i = 0; i < 64; i++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const one = (h + sum1 + ((e & f) ^ (~e & g)) + (constants[i] as number) + word(i)) | 0
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const two = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    ;[h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0]
  }
  for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) state[i] = (state[i] as number) + value
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by))
}
