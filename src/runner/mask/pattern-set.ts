import { minVisibleBytes, type Form } from './forms.ts'
import { blockHash, PrefixIndex } from './prefix-index.ts'

/** A form, and the names of the secrets that have it. */
export interface Pattern extends Form {
  readonly names: Set<string>
}

/** Where the anchor of a form ends: `at` is the offset in `form.bytes` of the anchor's last byte. */
export interface Anchor {
  readonly form: Pattern
  readonly at: number
}

const minFilterBits = 14
const maxFilterBits = 20
// So sparse a filter that most blocks of innocent text are turned away by it.
const slotsPerForm = 128
const maxAnchorCandidates = 48

/**
 * The forms of all secrets, ready to be scanned for. Each has one anchor: four visible bytes (above 0x20)
 * that follow each other once the others are left out. A scanner that keeps the last four visible bytes
 * meets the anchor of every occurrence, whatever white space a wrapped form was given.
 */
export class PatternSet {
  filter: Int32Array = new Int32Array(1 << (minFilterBits - 5))
  filterShift: number = 32 - minFilterBits
  readonly anchors: Map<number, Anchor[]> = new Map()
  readonly exact: PrefixIndex = new PrefixIndex()
  readonly spaced: PrefixIndex = new PrefixIndex()
  /** Grows with every `add`; streams look at what they hold again when it has. */
  version: number = 0
  hasBase64: boolean = false
  readonly #known = new Map<string, Pattern>()

  get size(): number {
    return this.#known.size
  }

  add(named: readonly { readonly name: string; readonly forms: readonly Form[] }[]): void {
    const fresh = named.flatMap(({ name, forms }) => forms.flatMap((form) => this.#learn(form, name) ?? []))
    for (const form of fresh) {
      const anchor = chooseAnchor(form, this.anchors)
      const bucket = this.anchors.get(anchor.block)
      if (bucket === undefined) this.anchors.set(anchor.block, [anchor])
      else bucket.push(anchor)
      if (form.kind === 'base64') this.hasBase64 = true
    }
    this.exact.add(fresh.filter((form) => form.kind === 'exact').map((form) => form.bytes))
    this.spaced.add(fresh.filter((form) => form.kind !== 'exact').map((form) => form.bytes))
    this.#fillFilter()
    this.version++
  }

  /** The pattern, if it is a new one. */
  #learn(form: Form, name: string): Pattern | undefined {
    const key = `${form.kind === 'exact' ? 'e' : 's'}${form.bytes.toString('latin1')}`
    const known = this.#known.get(key)
    known?.names.add(name)
    if (known !== undefined) return undefined
    const pattern = { ...form, names: new Set([name]) }
    this.#known.set(key, pattern)
    return pattern
  }

  #fillFilter(): void {
    const wanted = Math.ceil(Math.log2(Math.max(1, this.anchors.size) * slotsPerForm))
    const bits = Math.min(maxFilterBits, Math.max(minFilterBits, wanted))
    this.filter = new Int32Array(1 << (bits - 5))
    this.filterShift = 32 - bits
    for (const block of this.anchors.keys()) {
      const slot = blockHash(block) >>> this.filterShift
      this.filter[slot >>> 5] = (this.filter[slot >>> 5] ?? 0) | (1 << (slot & 31))
    }
  }
}

interface ChosenAnchor extends Anchor {
  readonly block: number
}

/** The block that is the least likely in innocent text and the least shared with other forms. */
function chooseAnchor(form: Pattern, taken: ReadonlyMap<number, readonly Anchor[]>): ChosenAnchor {
  let best: ChosenAnchor | undefined
  let bestScore = -Infinity
  let block = 0
  let seen = 0
  for (let at = 0; at < form.bytes.length && seen < maxAnchorCandidates; at++) {
    const byte = form.bytes[at] as number
    if (byte <= 0x20) continue
    block = (block << 8) | byte
    if (++seen < minVisibleBytes) continue
    const score = rarity(block) - 2 * Math.min(16, taken.get(block)?.length ?? 0)
    if (score <= bestScore) continue
    bestScore = score
    best = { form, at, block }
  }
  if (best === undefined) throw new RangeError('A form needs four visible bytes')
  return best
}

// Words are lower case, times and numbers are digits: blocks that mix the two and capitals are rare in logs.
function rarity(block: number): number {
  let score = 0
  let last = -1
  for (let shift = 24; shift >= 0; shift -= 8) {
    const kind = byteKind((block >>> shift) & 255)
    if (kind > 0) score++
    if (last !== -1 && kind !== last) score += 2
    last = kind
  }
  return score
}

function byteKind(byte: number): number {
  if (byte >= 0x61 && byte <= 0x7a) return 0
  if (byte >= 0x30 && byte <= 0x39) return 1
  return byte >= 0x41 && byte <= 0x5a ? 2 : 3
}
