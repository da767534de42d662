import { MayflyError } from '../../lib/index.ts'
import { lowerCase } from './bytes.ts'

/** The automaton of Aho and Corasick, with a row of 256 states for each: where it goes from there with each byte. */
export interface KeywordTable {
  readonly next: Uint16Array
  /**
   * States from here on end keywords: of `first + n` the numbers of those in `ended[n]`. A power of two: of several states one ends a keyword if
   * their bits together are as large.
   */
  readonly firstFinal: number
  readonly ended: readonly (readonly number[])[]
}

const maxStates = 65_536

/** States as a tree: children of one are linked by `sibling`. */
interface Tree {
  readonly byte: number[]
  readonly child: number[]
  readonly sibling: number[]
  readonly ended: (number[] | undefined)[]
}

/** Letters are of either case. Throws bad_input if there are too many keywords. */
export function makeKeywordTable(keywords: readonly string[]): KeywordTable {
  const tree = plant(keywords)
  if (tree.byte.length > maxStates) throw tooMany()
  const { order, fallback } = link(tree)
  // States that are near the root are met most, so they are kept together; final ones are told by one comparison.
  const names = new Uint16Array(order.length)
  const others = order.filter((state) => tree.ended[state] === undefined)
  const finals = order.filter((state) => tree.ended[state] !== undefined)
  const firstFinal = 2 ** Math.ceil(Math.log2(others.length))
  if (firstFinal + finals.length > maxStates) throw tooMany()
  others.forEach((state, name) => (names[state] = name))
  finals.forEach((state, name) => (names[state] = firstFinal + name))
  const next = new Uint16Array((firstFinal + finals.length) * 256)
  for (const state of order) {
    const row = (names[state] as number) * 256
    const behind = (names[fallback[state] as number] as number) * 256
    if (state !== 0) next.copyWithin(row, behind, behind + 256)
    for (let child = tree.child[state] as number; child !== 0; child = tree.sibling[child] as number) {
      const byte = tree.byte[child] as number
      next[row + byte] = names[child] as number
      if (byte >= 0x61 && byte <= 0x7a) next[row + byte - 0x20] = names[child] as number
    }
  }
  return { next, firstFinal, ended: finals.map((state) => tree.ended[state] ?? []) }
}

function tooMany(): MayflyError {
  return new MayflyError('bad_input', 'the rules have too many keywords; use fewer, or shorter ones')
}

function plant(keywords: readonly string[]): Tree {
  const tree: Tree = { byte: [0], child: [0], sibling: [0], ended: [undefined] }
  keywords.forEach((keyword, number) => {
    let state = 0
    for (const byte of Buffer.from(keyword)) {
      const folded = lowerCase(byte)
      const known = childOf(tree, state, folded)
      if (known === 0) {
        tree.sibling.push(tree.child[state] as number)
        tree.child[state] = tree.byte.push(folded) - 1
        tree.child.push(0)
        tree.ended.push(undefined)
      }
      state = known === 0 ? tree.byte.length - 1 : known
    }
    ;(tree.ended[state] ??= []).push(number)
  })
  return tree
}

function childOf(tree: Tree, state: number, byte: number): number {
  let child = tree.child[state] as number
  while (child !== 0 && (tree.byte[child] as number) !== byte) child = tree.sibling[child] as number
  return child
}

/** Breadth first: to where each state falls back, the longest end of it that begins a keyword; with what ends there, too. */
function link(tree: Tree): { order: number[]; fallback: Int32Array } {
  const fallback = new Int32Array(tree.byte.length)
  const order = [0]
  for (const state of order) {
    for (let child = tree.child[state] as number; child !== 0; child = tree.sibling[child] as number) {
      order.push(child)
      if (state === 0) continue
      let behind = fallback[state] as number
      while (behind !== 0 && childOf(tree, behind, tree.byte[child] as number) === 0)
        behind = fallback[behind] as number
      const falls = childOf(tree, behind, tree.byte[child] as number)
      fallback[child] = falls
      const more = tree.ended[falls]
      if (more !== undefined) (tree.ended[child] ??= []).push(...more)
    }
  }
  return { order, fallback }
}
