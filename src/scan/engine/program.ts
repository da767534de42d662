import type { ByteSet } from './bytes.ts'
import type { Assertion, Node } from './syntax.ts'

/** Instructions; `next` and `or` are indexes of others. */
export type Instruction =
  | { readonly op: 'byte'; readonly set: ByteSet; readonly next: number }
  /** Either way, `next` before `or`. */
  | { readonly op: 'split'; next: number; or: number }
  | { readonly op: 'save'; readonly slot: number; readonly next: number }
  | { readonly op: 'assert'; readonly what: Assertion; readonly next: number }
  | { readonly op: 'match' }

/** A pattern as an automaton: Thompson's, with priorities as a backtracking matcher has them. */
export interface Program {
  readonly code: readonly Instruction[]
  readonly start: number
  readonly groups: number
  /** Some instruction looks at the bytes around it. */
  readonly asserts: boolean
}

const maxInstructions = 20_000

/** Undefined: with its counts written out it has more than 20,000 instructions. */
export function compileProgram(root: Node, groups: number): Program | undefined {
  const code: Instruction[] = [{ op: 'match' }]
  const emit = (instruction: Instruction) => code.push(instruction) - 1
  let asserts = false

  // Written from its end to its start, so that each instruction knows what follows it.
  function write(node: Node, next: number): number {
    if (code.length > maxInstructions) return next
    switch (node.kind) {
      case 'bytes':
        return emit({ op: 'byte', set: node.set, next })
      case 'sequence':
        return node.items.reduceRight((after, item) => write(item, after), next)
      case 'choice': {
        const entries = node.items.map((item) => write(item, next))
        return entries.reduceRight((or, entry) => emit({ op: 'split', next: entry, or }))
      }
      case 'repeat':
        return writeRepeat(node, next)
      case 'group': {
        const end = emit({ op: 'save', slot: node.index * 2 + 1, next })
        return emit({ op: 'save', slot: node.index * 2, next: write(node.item, end) })
      }
      case 'assert':
        asserts = true
        return emit({ op: 'assert', what: node.what, next })
    }
  }

  function writeRepeat(node: Node & { kind: 'repeat' }, next: number): number {
    const split = (item: number, after: number) =>
      node.greedy ? { next: item, or: after } : { next: after, or: item }
    let entry = next
    if (node.max === Infinity) {
      const loop: Instruction = { op: 'split', next, or: next }
      entry = emit(loop)
      Object.assign(loop, split(write(node.item, entry), next))
    } else {
      for (let i = node.min; i < node.max && code.length <= maxInstructions; i++)
        entry = emit({ op: 'split', ...split(write(node.item, entry), next) })
    }
    for (let i = 0; i < node.min && code.length <= maxInstructions; i++) entry = write(node.item, entry)
    return entry
  }

  const start = write(root, 0)
  return code.length > maxInstructions ? undefined : { code, start, groups, asserts }
}

/** Where a program may be without having read another byte, whatever stands around. */
export function restsFrom(program: Program, from: readonly number[]): number[] {
  const seen = new Set(from)
  const open = [...from]
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    for (const next of stepsFrom(program.code[i] as Instruction)) {
      if (seen.has(next)) continue
      seen.add(next)
      open.push(next)
    }
  }
  return [...seen]
}

/** Where an instruction leads that reads no byte. */
export function stepsFrom(instruction: Instruction): number[] {
  if (instruction.op === 'byte' || instruction.op === 'match') return []
  return instruction.op === 'split' ? [instruction.next, instruction.or] : [instruction.next]
}
