import { at, type ByteSet } from './bytes.ts'
import { kindOf } from './around.ts'
import { stepsFrom, type Program } from './program.ts'
import type { Assertion } from './syntax.ts'

/** A program to be followed in one direction. Its nodes are the program's instructions: the place before each. */
export interface Graph {
  readonly direction: 1 | -1
  /** Steps that read no byte. */
  readonly free: readonly (readonly { readonly to: number; readonly if: Assertion | undefined }[])[]
  readonly reading: readonly (readonly { readonly to: number; readonly set: ByteSet }[])[]
  readonly goal: number
  /** Of a byte: those of one class are alike to all sets, and to assertions where there are any. */
  readonly classOf: Uint8Array
  readonly classes: number
  readonly asserts: boolean
}

export function graphOf(program: Program, direction: 1 | -1): Graph {
  const free: { to: number; if: Assertion | undefined }[][] = program.code.map(() => [])
  const reading: { to: number; set: ByteSet }[][] = program.code.map(() => [])
  program.code.forEach((one, index) => {
    const from = (to: number) => (direction === 1 ? index : to)
    const other = (to: number) => (direction === 1 ? to : index)
    if (one.op === 'byte') reading[from(one.next)]?.push({ to: other(one.next), set: one.set })
    const condition = one.op === 'assert' ? one.what : undefined
    for (const to of stepsFrom(one)) free[from(to)]?.push({ to: other(to), if: condition })
  })
  const goal = direction === 1 ? program.code.findIndex(({ op }) => op === 'match') : program.start
  return { direction, free, reading, goal, asserts: program.asserts, ...classesOf(program) }
}

function classesOf(program: Program): { classOf: Uint8Array; classes: number } {
  let classOf = new Uint8Array(256)
  let classes = 1
  const refine = (tell: (byte: number) => number) => {
    const named = new Map<number, number>()
    const refined = new Uint8Array(256)
    for (let byte = 0; byte < 256; byte++) {
      const key = at(classOf, byte) * 4 + tell(byte)
      let name = named.get(key)
      if (name === undefined) named.set(key, (name = named.size))
      refined[byte] = name
    }
    classOf = refined
    classes = named.size
  }
  const sets = new Set(program.code.flatMap((one) => (one.op === 'byte' ? [one.set] : [])))
  for (const set of sets) refine((byte) => at(set, byte))
  if (program.asserts) refine(kindOf)
  return { classOf, classes }
}
