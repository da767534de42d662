import { lowerCase, maxSpelled, sizeOf, type ByteSet } from './bytes.ts'
import { restsFrom, type Program } from './program.ts'

/**
 * Where each keyword begins in a program: instructions that read its first byte, of all at which it could be read those at which most of it is
 * spelled out. So `key` is looked for where the pattern says `key`, not in its `[a-z]{20}`; there only if it says so nowhere. None: no
 * match contains the keyword.
 */
export function anchorsOf(program: Program, keywords: readonly string[]): number[][] {
  return keywords.map((keyword) => {
    const wholly = spelledAt(program, keyword, maxSpelled)
    const spelled = wholly.some((one) => one >= 0) ? wholly : spelledAt(program, keyword, 256)
    const most = spelled.reduce((most, one) => Math.max(most, one), 0)
    return spelled.flatMap((one, index) => (one === most ? [index] : []))
  })
}

/** Of each instruction: how many bytes of the keyword are spelled out if it is read from there by sets of up to that size; -1 if it cannot be. */
function spelledAt(program: Program, keyword: string, maxSize: number): number[] {
  const { code } = program
  const codes = Array.from(keyword, (char) => lowerCase(char.charCodeAt(0)))
  // Of a long repetition each place leads where the one before it leads: asked for once.
  const known = new Map<string, number>()
  const spelledFrom = (index: number, done: number): number => {
    const one = code[index]
    if (one?.op !== 'byte' || !hasEither(one.set, codes[done] as number)) return -1
    if (sizeOf(one.set) > maxSize) return -1
    const spelled = sizeOf(one.set) <= maxSpelled ? 1 : 0
    if (done + 1 === codes.length) return spelled
    const key = `${index} ${done}`
    let rest = known.get(key)
    if (rest === undefined) {
      const after = restsFrom(program, [one.next])
      rest = after.reduce((most, next) => Math.max(most, spelledFrom(next, done + 1)), -1)
      known.set(key, rest)
    }
    return rest === -1 ? -1 : rest + spelled
  }
  return code.map((_, index) => spelledFrom(index, 0))
}

function hasEither(set: ByteSet, lower: number): boolean {
  const isLetter = lower >= 0x61 && lower <= 0x7a
  return (set[lower] as number) === 1 || (isLetter && (set[lower - 0x20] as number) === 1)
}
