import { lowerCase, membersOf, sizeOf } from './bytes.ts'
import { parsePattern } from './parse.ts'
import type { Node } from './syntax.ts'

/** What a pattern says of all that it matches. */
export interface Outline {
  /** Words of which one stands in every match, without case; none if there is no such. */
  readonly words: readonly string[]
  /** A text that it matches if what it asserts of its surroundings is so. */
  sample(random: () => number): Buffer
}

const leastWord = 3
const longestWord = 64
const mostWords = 50
/** Of what has no end, so many more than it needs. */
const moreThanLeast = 8
const mostBytes = 4_096

/** Throws bad_input as `compileExpression`. */
export function outlineOf(pattern: string, options: { readonly ignoreCase?: boolean } = {}): Outline {
  const { root } = parsePattern(pattern, options)
  return {
    words: wordsOf(root) ?? [],
    sample(random) {
      const text: Text = { bytes: [], steps: 0 }
      append(root, random, text)
      return Buffer.from(text.bytes)
    },
  }
}

/** The words of the part that says most: of those in a row the one whose shortest word is longest. */
function wordsOf(node: Node): readonly string[] | undefined {
  const parts = flattened(node)
  const found = wordsInRow(parts)
  for (const part of parts) {
    if (part.kind === 'repeat' && part.min > 0) found.push(wordsOf(part.item))
    if (part.kind === 'choice') found.push(wordsOfAll(part.items))
  }
  return found.reduce((best, one) => (shortest(one) > shortest(best) ? one : best), undefined)
}

function wordsInRow(parts: readonly Node[]): (readonly string[] | undefined)[] {
  const found: (readonly string[])[] = []
  let word = ''
  for (const part of [...parts, undefined]) {
    const char = part === undefined ? undefined : charOf(part)
    // What takes no byte stands in no word's way.
    if (part?.kind === 'assert') continue
    if (char !== undefined && word.length < longestWord) {
      word += char
      continue
    }
    if (word.length >= leastWord) found.push([word])
    word = char ?? ''
  }
  return found
}

function wordsOfAll(items: readonly Node[]): readonly string[] | undefined {
  const words = items.map(wordsOf)
  if (words.includes(undefined)) return undefined
  const all = [...new Set(words.flatMap((one) => one ?? []))]
  return all.length > mostWords ? undefined : all
}

function shortest(words: readonly string[] | undefined): number {
  return words === undefined ? 0 : Math.min(...words.map(({ length }) => length))
}

function flattened(node: Node): readonly Node[] {
  if (node.kind === 'group') return flattened(node.item)
  return node.kind === 'sequence' ? node.items.flatMap(flattened) : [node]
}

/** The one printable character that the part is, in whatever case. */
function charOf(part: Node): string | undefined {
  if (part.kind !== 'bytes' || sizeOf(part.set) > 2) return undefined
  const [byte = 0, ...rest] = membersOf(part.set).map(lowerCase)
  const isOne = rest.every((other) => other === byte)
  return isOne && byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : undefined
}

interface Text {
  readonly bytes: number[]
  /** Of repetitions of what takes no byte there may be as many as there are ways to nest them. */
  steps: number
}

const mostSteps = 100_000

function append(node: Node, random: () => number, text: Text): void {
  if (text.bytes.length >= mostBytes || ++text.steps > mostSteps) return
  if (node.kind === 'group') return append(node.item, random, text)
  if (node.kind === 'sequence') return node.items.forEach((item) => append(item, random, text))
  if (node.kind === 'choice') return append(oneOf(node.items, random), random, text)
  if (node.kind === 'repeat') {
    const most = Math.min(node.max, node.min + moreThanLeast)
    const times = node.min + Math.floor(random() * (most - node.min + 1))
    for (let time = 0; time < times && text.steps <= mostSteps; time++) append(node.item, random, text)
  }
  if (node.kind !== 'bytes') return
  const all = membersOf(node.set)
  const printable = all.filter((byte) => byte >= 0x20 && byte < 0x7f)
  text.bytes.push(oneOf(printable.length > 0 ? printable : all, random) ?? 0)
}

function oneOf<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T
}
