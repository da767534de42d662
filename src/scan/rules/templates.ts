import { MayflyError } from '../../lib/index.ts'
import { fillers } from './fillers.ts'

/** One of: a brace, a choice `{a|b}`, a filler with what it is told `{alnum:36}`, or text. */
const part = /\{\{|\{([^{}|:]{1,24})(?::([^{}]{1,200}))?\}|\{([^{}]{1,400})\}|\{|[^{]+/g

interface Piece {
  readonly text: string
  /** Made at random, and not written in the template. */
  readonly isFilled: boolean
}

/**
 * Text that looks like a secret of a kind, and is none. `{alnum:36}` is so many characters at random, `{alnum:20-40}` between so
 * many, `{a|b}` one of them, `{{` a brace; what else there is stands in `fillers`. The same `random` gives the same text, so a
 * failure can be repeated. Throws `bad_input` for a filler that is not known.
 */
export function fillTemplate(template: string, random: () => number): string {
  return fillPieces(template, random)
    .map(({ text }) => text)
    .join('')
}

/** The same, and which of it was made at random: a pattern has to take each such piece whole, or leave it. */
export function fillPieces(template: string, random: () => number): readonly Piece[] {
  const pieces: Piece[] = []
  let before = ''
  for (const [whole, name, told = '', choice] of template.matchAll(part)) {
    const isFilled = whole !== '{{' && whole.startsWith('{')
    const text = isFilled ? fillerOf({ whole, name, told, choice })(before, random) : whole.replace('{{', '{')
    pieces.push({ text, isFilled })
    before += text
  }
  return pieces
}

interface Part {
  readonly whole: string
  readonly name: string | undefined
  readonly told: string
  readonly choice: string | undefined
}

function fillerOf({ whole, name, told, choice }: Part): (before: string, random: () => number) => string {
  if (choice?.includes('|')) return (_before, random) => oneOf(choice.split('|'), random)
  const filler = name !== undefined && Object.hasOwn(fillers, name) ? fillers[name] : undefined
  if (filler === undefined) throw unknown(whole)
  return (before, random) => filler({ told, before, random })
}

function oneOf(choices: readonly string[], random: () => number): string {
  return choices[Math.floor(random() * choices.length)] ?? ''
}

function unknown(name: string): MayflyError {
  const known = Object.keys(fillers).join(', ')
  return new MayflyError(
    'bad_input',
    `an example has {${name.replace(/[^\w:|-]/g, '').slice(0, 60)}}, which is none of: ${known}; a brace is written {{`,
  )
}

/** Numbers from 0 to 1 from a seed (mulberry32): good for examples, and nothing else. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
