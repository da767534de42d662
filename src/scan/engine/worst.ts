import { Automaton } from './automaton.ts'
import { Kind } from './around.ts'
import { graphOf } from './graph.ts'
import type { Rule } from './model.ts'
import { outlineOf } from './outline.ts'
import { defaultReach, readRule, type Helpers, type Pattern } from './rule.ts'

/** Bytes of what follows a keyword until the next one: nothing, a little, and all that there can be. */
const lengths = [0, 1, 8, 64, Infinity]

/**
 * Texts on which a rule has most to do, made from its pattern: its keywords, each with what could stand before it, again and again, and
 * behind each what keeps the most places of the pattern possible without ever matching it.
 */
export function worstTexts(rule: Rule, helpers: Helpers, random: () => number): Buffer[] {
  const { by } = readRule(rule, helpers)
  const reach = rule.reach ?? defaultReach
  const fill = (unit: Buffer) => Buffer.alloc(reach * 3, unit)
  return rule.keywords.flatMap((keyword, number) => {
    if (typeof by === 'function')
      return [keyword, `${keyword}='`, `${keyword}="x`].map((unit) => fill(Buffer.from(unit)))
    const head = headOf(rule, keyword, random)
    const run = worstRun(by, number, head.subarray(head.length - keyword.length), reach)
    return lengths
      .filter((length, i) => i === 0 || run.length > (lengths[i - 1] ?? 0))
      .map((length) => fill(Buffer.concat([head, run.subarray(0, length)])))
  })
}

/** The keyword, with what may stand before it in a match. */
function headOf({ pattern, ignoreCase }: Rule, keyword: string, random: () => number): Buffer {
  const outline = outlineOf(pattern, { ignoreCase: ignoreCase === true })
  for (let time = 0; time < 20; time++) {
    const text = outline.sample(random).toString('latin1')
    const at = text.toLowerCase().indexOf(keyword.toLowerCase())
    if (at !== -1) return Buffer.from(text.slice(0, at + keyword.length), 'latin1')
  }
  return Buffer.from(keyword)
}

/** Of each next byte the one with which most places stay possible, and none is a match. */
function worstRun({ program, anchors }: Pattern, keyword: number, text: Buffer, reach: number): Buffer {
  const graph = graphOf(program, 1)
  const automaton = new Automaton(graph, anchors, { cells: Infinity })
  const letters = Array.from({ length: graph.classes }, (_, one) => lettersOf(graph.classOf, one))
  let state = automaton.begin(keyword, Kind.other)
  for (const byte of text) state = automaton.step(state, byte) >> 1
  const run: number[] = []
  while (state !== 0 && run.length < reach) {
    const ways = letters
      .map((byte) => ({ byte, next: automaton.step(state, byte) }))
      .filter(({ next }) => (next & 1) === 0 && next !== 0)
    const best = ways.sort((a, b) => automaton.placesOf(b.next >> 1) - automaton.placesOf(a.next >> 1))[0]
    if (best === undefined) break
    run.push(best.byte)
    state = best.next >> 1
  }
  return Buffer.from(run)
}

/** One byte of a class, a letter if there is one. */
function lettersOf(classOf: Uint8Array, one: number): number {
  const letter = classOf.subarray(0x61, 0x7b).indexOf(one)
  return letter === -1 ? classOf.indexOf(one) : 0x61 + letter
}
