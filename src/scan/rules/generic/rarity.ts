import { vocabulary } from './vocabulary.ts'

/** The beginning says enough of a text. */
const maxLength = 96
/** Letters and digits; what else there is ends a piece. */
const width = 36

/** Letters without case; -1 for what is in no piece. */
function slotOf(byte: number): number {
  if (byte >= 0x61 && byte <= 0x7a) return byte - 0x61
  if (byte >= 0x41 && byte <= 0x5a) return byte - 0x41
  return byte >= 0x30 && byte <= 0x39 ? byte - 0x30 + 26 : -1
}

/** A tree of the vocabulary's pieces: of each node the nodes behind it by letter, and whether a piece ends in it. */
class Pieces {
  readonly #next: Uint16Array
  readonly #isEnd: Uint8Array

  constructor(pieces: readonly string[]) {
    const nodes = 1 + pieces.reduce((sum, { length }) => sum + length, 0)
    this.#next = new Uint16Array(nodes * width)
    this.#isEnd = new Uint8Array(nodes)
    let made = 1
    for (const piece of pieces) {
      let node = 0
      for (const byte of Buffer.from(piece)) {
        const place = node * width + slotOf(byte)
        if (this.#next[place] === 0) this.#next[place] = made++
        node = this.#next[place] ?? 0
      }
      this.#isEnd[node] = 1
    }
  }

  /** Calls `ends` with where each piece ends that begins at `from`. */
  from(text: string, from: number, ends: (at: number) => void): void {
    for (let at = from, node = 0; at < text.length; at++) {
      const slot = slotOf(text.charCodeAt(at))
      node = slot === -1 ? 0 : (this.#next[node * width + slot] ?? 0)
      if (node === 0) return
      if (this.#isEnd[node] === 1) ends(at + 1)
    }
  }
}

const pieces = new Pieces(vocabulary.trim().split(/\s+/))

/**
 * Characters a piece, of the fewest pieces of the vocabulary that make up the text: 4 and more for names and prose, about 1.1 for what
 * was made at random. What is no piece stands for itself.
 */
export function charactersPerPiece(whole: string): number {
  const text = whole.slice(0, maxLength)
  const fewest = new Uint8Array(text.length + 1).map((_, at) => at)
  for (let at = 0; at < text.length; at++) {
    const count = (fewest[at] ?? 0) + 1
    const reach = (to: number) => {
      if (count < (fewest[to] ?? 0)) fewest[to] = count
    }
    reach(at + 1)
    pieces.from(text, at, reach)
  }
  return text.length / Math.max(1, fewest[text.length] ?? 1)
}
