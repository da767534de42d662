import { compilePattern } from './pattern.ts'

/**
 * What two patterns of ours (`*` for any run of characters, all else literal) have in common, decided exactly.
 * Texts are any Unicode, so for every pattern there is a character that it does not name.
 */

/** Does `wide` match every text that `narrow` matches? */
export function includes(wide: string, narrow: string): boolean {
  // With a character in place of each `*` that `wide` does not name, its own `*` must cover it; then it covers
  // whatever else may stand there, nothing included.
  return compilePattern(wide).matches(narrow.replaceAll('*', unnamedBy(wide)))
}

/**
 * Does every text of the `narrow` patterns match one of the `wide` ones? That one text above decides for all of
 * them, so no two of `wide` can share what neither includes alone.
 */
export function allIncluded(wide: readonly string[], narrow: readonly string[]): boolean {
  return narrow.every((one) => {
    const text = one.replaceAll('*', unnamedBy(wide.join('')))
    return wide.some((candidate) => compilePattern(candidate).matches(text))
  })
}

/** Is there a text that both match? Time grows with the product of their lengths. */
export function intersects(a: string, b: string): boolean {
  // reach[j]: the first i characters of `a` and the first j of `b` match some text together.
  let reach = Array.from({ length: b.length + 1 }, (_, j) => /^\**$/.test(b.slice(0, j)))
  for (let i = 1; i <= a.length; i++) {
    const next = [(reach[0] ?? false) && a[i - 1] === '*']
    for (let j = 1; j <= b.length; j++) {
      const star = a[i - 1] === '*' || b[j - 1] === '*'
      next[j] = star
        ? (reach[j] ?? false) || (next[j - 1] ?? false)
        : (reach[j - 1] ?? false) && a[i - 1] === b[j - 1]
    }
    reach = next
  }
  return reach[b.length] ?? false
}

/** Is there a text that one of each list matches? */
export function anyIntersect(a: readonly string[], b: readonly string[]): boolean {
  return a.some((one) => b.some((other) => intersects(one, other)))
}

function unnamedBy(pattern: string): string {
  let code = 0xe000
  while (pattern.includes(String.fromCodePoint(code))) code += 1
  return String.fromCodePoint(code)
}
