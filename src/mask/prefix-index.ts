const quadShift = 16

/** A multiplicative hash (Knuth) of four bytes; the caller shifts it down to the bits it wants. */
export function blockHash(block: number): number {
  return Math.imul(block, 0x9e3779b1)
}

/** Forms that begin with the same four bytes; sorted when they are first asked for, which most never are. */
interface Family {
  readonly forms: Buffer[]
  isSorted: boolean
}

/** Answers whether the bytes at the end of the output are the beginning of a form. */
export class PrefixIndex {
  /** Length of the longest form. */
  maxBytes: number = 0
  /** For each byte, whether a form has it. */
  readonly occurs: Uint8Array = new Uint8Array(256)
  readonly #first = new Uint8Array(256)
  readonly #pairs = new Uint8Array(1 << 16)
  readonly #triples = new Set<number>()
  // The hashed first four bytes of every form: they turn nearly every place away.
  readonly #quads = new Uint8Array(1 << (32 - quadShift))
  readonly #families = new Map<number, Family>()

  /** Adds a form; it is more than four bytes long and was not added before. */
  add(form: Buffer): void {
    this.maxBytes = Math.max(this.maxBytes, form.length)
    const quad = quadAt(form, 0)
    const family = this.#families.get(quad)
    if (family === undefined) this.#open(quad, form)
    else {
      family.forms.push(form)
      family.isSorted = false
    }
    for (let at = 0; at < form.length; at++) this.occurs[form[at] as number] = 1
  }

  /** Whether `bytes[at, end)` is a proper prefix of a form. */
  begins(bytes: Uint8Array, at: number, end: number): boolean {
    const length = end - at
    if (length === 1) return this.#first[bytes[at] as number] === 1
    // Most places are turned away here.
    if (this.#pairs[((bytes[at] as number) << 8) | (bytes[at + 1] as number)] === 0) return false
    if (length === 2) return true
    if (length === 3) return this.#triples.has(quadAt(bytes, at) >>> 8)
    const quad = quadAt(bytes, at)
    if (this.#quads[blockHash(quad) >>> quadShift] === 0) return false
    const family = this.#families.get(quad)
    if (family === undefined) return false
    const forms = sortedForms(family)
    let low = 0
    let high = forms.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compare(forms[middle] as Buffer, bytes, at, end) < 0) low = middle + 1
      else high = middle
    }
    // The form that equals the bytes sorts before those that go on.
    return continues(forms[low], bytes, at, end) || continues(forms[low + 1], bytes, at, end)
  }

  #open(quad: number, form: Buffer): void {
    this.#families.set(quad, { forms: [form], isSorted: true })
    this.#first[quad >>> 24] = 1
    this.#pairs[quad >>> 16] = 1
    this.#triples.add(quad >>> 8)
    this.#quads[blockHash(quad) >>> quadShift] = 1
  }
}

function sortedForms(family: Family): readonly Buffer[] {
  if (!family.isSorted) family.forms.sort((a, b) => Buffer.compare(a, b))
  family.isSorted = true
  return family.forms
}

function continues(form: Buffer | undefined, bytes: Uint8Array, at: number, end: number): boolean {
  if (form === undefined || form.length <= end - at) return false
  for (let i = at; i < end; i++) if (form[i - at] !== bytes[i]) return false
  return true
}

function quadAt(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16)
  return high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
}

function compare(form: Uint8Array, bytes: Uint8Array, at: number, end: number): number {
  const length = Math.min(form.length, end - at)
  for (let i = 0; i < length; i++) {
    const difference = (form[i] as number) - (bytes[at + i] as number)
    if (difference !== 0) return difference
  }
  return form.length - (end - at)
}
