const quadShift = 16

/** A multiplicative hash (Knuth) of four bytes; the caller shifts it down to the bits it wants. */
export function blockHash(block: number): number {
  return Math.imul(block, 0x9e3779b1)
}

/** Answers whether the bytes at the end of the output are the beginning of a form. */
export class PrefixIndex {
  /** Length of the longest form. */
  maxBytes: number = 0
  /** For each byte, whether a form has it. */
  readonly occurs: Uint8Array = new Uint8Array(256)
  readonly #first = new Uint8Array(256)
  // The hashed first four bytes of every form: they turn nearly every place away.
  readonly #quads = new Uint8Array(1 << (32 - quadShift))
  #sorted: Buffer[] = []

  /** Adds forms; each is at least four bytes long and was not added before. */
  add(forms: readonly Buffer[]): void {
    if (forms.length === 0) return
    this.#sorted = [...this.#sorted, ...forms].sort((a, b) => Buffer.compare(a, b))
    for (const form of forms) {
      this.maxBytes = Math.max(this.maxBytes, form.length)
      this.#first[form[0] as number] = 1
      this.#quads[quadSlot(form, 0)] = 1
      for (const byte of form) this.occurs[byte] = 1
    }
  }

  /** Whether `bytes[at, end)` is a proper prefix of a form. */
  begins(bytes: Uint8Array, at: number, end: number): boolean {
    if (this.#first[bytes[at] as number] === 0) return false
    if (end - at >= 4 && this.#quads[quadSlot(bytes, at)] === 0) return false
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compare(this.#sorted[middle] as Buffer, bytes, at, end) < 0) low = middle + 1
      else high = middle
    }
    return this.#continues(low, bytes, at, end) || this.#continues(low + 1, bytes, at, end)
  }

  // The form that equals the bytes sorts before those that go on.
  #continues(index: number, bytes: Uint8Array, at: number, end: number): boolean {
    const form = this.#sorted[index]
    if (form === undefined || form.length <= end - at) return false
    for (let i = at; i < end; i++) if (form[i - at] !== bytes[i]) return false
    return true
  }
}

function quadSlot(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16)
  return blockHash(high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> quadShift
}

function compare(form: Uint8Array, bytes: Uint8Array, at: number, end: number): number {
  const length = Math.min(form.length, end - at)
  for (let i = 0; i < length; i++) {
    const difference = (form[i] as number) - (bytes[at + i] as number)
    if (difference !== 0) return difference
  }
  return form.length - (end - at)
}
