import { minVisibleBytes, type Form } from './forms.ts'
import { blockHash, PrefixIndex } from './prefix-index.ts'

/** A form, and the names of the secrets that have it. */
export interface Pattern extends Form {
  names: ReadonlySet<string>
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
  readonly #exactKnown = new Map<string, Pattern>()
  readonly #spacedKnown = new Map<string, Pattern>()

  get size(): number {
    return this.#exactKnown.size + this.#spacedKnown.size
  }

  add(named: readonly { readonly name: string; readonly forms: readonly Form[] }[]): void {
    for (const { name, forms } of named) {
      // Most forms have no other name: they share one set.
      const names = new Set([name])
      for (const form of forms) this.#learn(form, names)
    }
    this.#fillFilter()
    this.version++
  }

  #learn({ bytes, kind, key }: Form, names: ReadonlySet<string>): void {
    const known = kind === 'exact' ? this.#exactKnown : this.#spacedKnown
    const pattern = known.get(key)
    if (pattern !== undefined) {
      pattern.names = pattern.names.union(names)
      return
    }
    const fresh: Pattern = { bytes, kind, key, names }
    known.set(key, fresh)
    const { block, ...anchor } = chooseAnchor(fresh, this.anchors)
    const bucket = this.anchors.get(block)
    if (bucket === undefined) this.anchors.set(block, [anchor])
    else bucket.push(anchor)
    if (kind === 'base64') this.hasBase64 = true
    const index = kind === 'exact' ? this.exact : this.spaced
    index.add(bytes)
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
  let [bestScore, bestAt, bestBlock] = [-Infinity, -1, 0]
  let [block, kinds, seen] = [0, 0, 0]
  // Tokens of one issuer begin alike for hundreds of bytes: where all blocks are crowded it looks on.
  const isCrowded = () => bestScore < 0
  for (let at = 0; at < form.bytes.length && (seen < maxAnchorCandidates || isCrowded()); at++) {
    const byte = form.bytes[at] as number
    if (byte <= 0x20) continue
    block = (block << 8) | byte
    kinds = (kinds << 2) | (byteKinds[byte] as number)
    if (++seen < minVisibleBytes) continue
    const rarity = rarities[kinds & 0xff] as number
    if (rarity <= bestScore) continue
    const score = rarity - 2 * Math.min(16, taken.get(block)?.length ?? 0)
    if (score <= bestScore) continue
    ;[bestScore, bestAt, bestBlock] = [score, at, block]
    if (bestScore === bestRarity) break
  }
  if (bestAt === -1) throw new RangeError('A form needs four visible bytes')
  return { form, at: bestAt, block: bestBlock }
}

/** Of each byte: lower case, digit, upper case or anything else. */
const byteKinds = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x61 && byte <= 0x7a) return 0
  if (byte >= 0x30 && byte <= 0x39) return 1
  return byte >= 0x41 && byte <= 0x5a ? 2 : 3
})

/**
 * Of the kinds of four bytes, two bits for each. Words are lower case, times and numbers are digits: blocks that mix the two and
 * capitals are rare in logs.
 */
const rarities = Uint8Array.from({ length: 256 }, (_, kinds) => {
  let score = 0
  let last = -1
  for (let shift = 6; shift >= 0; shift -= 2) {
    const kind = (kinds >>> shift) & 3
    if (kind > 0) score++
    if (last !== -1 && kind !== last) score += 2
    last = kind
  }
  return score
})
const bestRarity = Math.max(...rarities)
