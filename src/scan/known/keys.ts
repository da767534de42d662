import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** What windows are hashed with: it chooses what is looked at more closely, and proves nothing. */
export interface WindowKey {
  readonly words: Int32Array
}

/** What proves that a text is a secret: only who holds the vault's keys has it. */
export interface ProofKey {
  proofOf(form: Uint8Array): Buffer
}

/** Both, of the seed that the vault keeps sealed. They are independent: who learns the one knows nothing of the other. */
export function keysOf(seed: Buffer): { readonly window: WindowKey; readonly proof: ProofKey } {
  const bytes = Buffer.from(hkdfSync('sha256', seed, '', 'mayfly known secrets: windows', 20))
  const words = Int32Array.from({ length: 5 }, (_, i) => bytes.readInt32LE(i * 4))
  // Multipliers are odd, or they lose bits.
  for (const i of [1, 3, 4]) words[i] = (words[i] ?? 0) | 1
  const key = Buffer.from(hkdfSync('sha256', seed, '', 'mayfly known secrets: proof', 32))
  return {
    window: { words },
    proof: { proofOf: (form) => createHmac('sha256', key).update(form).digest().subarray(0, proofBytes) },
  }
}

/** 128 bits: nobody who does not have the key finds another text with the same proof. */
export const proofBytes = 16

export function isSameProof(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

export const windowBytes = 8

/** Of eight bytes, read as two words of which the first byte is the lowest. */
export function hashWindow({ words }: WindowKey, low: number, high: number): number {
  const mixed =
    (Math.imul(low ^ (words[0] as number), words[1] as number) +
      Math.imul(high ^ (words[2] as number), words[3] as number)) |
    0
  const once = Math.imul(mixed ^ (mixed >>> 15), words[4] as number)
  return (once ^ (once >>> 13)) >>> 0
}
