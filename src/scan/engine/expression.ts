import { MayflyError } from '../../lib/index.ts'
import { Kind } from './around.ts'
import { Automaton } from './automaton.ts'
import { anyByte } from './bytes.ts'
import { graphOf } from './graph.ts'
import { parsePattern } from './parse.ts'
import { compileProgram } from './program.ts'

/** A pattern by itself, in RE2's syntax: of a path, of what an allow list names. */
export interface Expression {
  /** It matches somewhere in the text, in time that grows with its length alone. */
  test(text: string | Uint8Array): boolean
  /** It says something of where it stands (`^`, `$`, `\b`), so what is so of a part of a text may not be so of the whole. */
  readonly asserts: boolean
}

/** Throws bad_input for what is no pattern: which part, why, and what to write. */
export function compileExpression(
  pattern: string,
  options: { readonly ignoreCase?: boolean } = {},
): Expression {
  const { root, groups } = parsePattern(pattern, options)
  const anything = {
    kind: 'repeat',
    item: { kind: 'bytes', set: anyByte },
    min: 0,
    max: Infinity,
    greedy: false,
  } as const
  const program = compileProgram({ kind: 'sequence', items: [anything, root] }, groups)
  if (program === undefined)
    throw new MayflyError('bad_input', 'the pattern is too large; use smaller counts')
  let automaton: Automaton | undefined
  return {
    asserts: program.asserts,
    test(text) {
      automaton ??= new Automaton(graphOf(program, 1), [[program.start]], { cells: 1_000_000 })
      return leads(automaton, typeof text === 'string' ? Buffer.from(text) : text)
    },
  }
}

function leads(automaton: Automaton, bytes: Uint8Array): boolean {
  let state = automaton.begin(0, Kind.none)
  for (let i = 0; i <= bytes.length; i++) {
    const next = automaton.step(state, i < bytes.length ? (bytes[i] as number) : -1)
    if ((next & 1) === 1) return true
    state = next >> 1
  }
  return false
}
