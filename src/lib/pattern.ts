/** A pattern that was compiled; only `compilePattern` makes one, so an unanchored one cannot exist. */
export interface Pattern {
  readonly source: string
  /** No `*` in it: it matches exactly one string. */
  readonly literal: boolean
  matches(text: string): boolean
}

/**
 * Compiles a Mayfly pattern: every character stands for itself, `*` for any run of characters, `/` included.
 * The whole text must match. There is no alternation, so `a|b` cannot be anchored by halves
 * (as `^a|b$` once was, octo-sts PR 1643).
 */
export function compilePattern(source: string): Pattern {
  if (!source.includes('*')) return { source, literal: true, matches: (text) => text === source }
  const parts = source.split('*')
  return { source, literal: false, matches: (text) => matchParts(parts, text) }
}

// Linear in the text: each part is sought once from the left, so no input makes it slow.
function matchParts(parts: readonly string[], text: string): boolean {
  const head = parts[0] ?? ''
  const tail = parts.at(-1) ?? ''
  if (text.length < head.length + tail.length) return false
  if (!text.startsWith(head) || !text.endsWith(tail)) return false
  const end = text.length - tail.length
  let from = head.length
  for (const part of parts.slice(1, -1)) {
    const at = text.indexOf(part, from)
    if (at === -1 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}

/** The candidate nearest to `word` by edit distance, if near enough to be what was meant: at most so many letters away. */
export function didYouMean(
  word: string,
  candidates: Iterable<string>,
  most = Math.max(2, Math.floor(word.length / 3)),
): string | undefined {
  let best: string | undefined
  let bestDistance = most + 1
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(swap, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
