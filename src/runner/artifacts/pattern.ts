/**
 * Patterns of artifacts: `*` and `?` within a name, `**` over folders. As in a shell, none of them stands for a name that
 * begins with a dot. A pattern that names a folder means all below it. Matching takes time in proportion to both lengths
 * multiplied, whatever a step calls its files.
 */
export interface ArtifactPattern {
  readonly source: string
  /** The path itself, if the pattern is one. */
  readonly literal: string | undefined
  /** Is this file meant? Its path from the workspace, in parts. */
  matches(parts: readonly string[]): boolean
  /** Is it not meant only since its name begins with a dot? Not asked of what lies at the top: any repository has such files. */
  passesOver(parts: readonly string[]): boolean
  /** May a file below this folder be meant? */
  mayHold(parts: readonly string[]): boolean
}

export function artifactPattern(source: string): ArtifactPattern {
  const parts = source.split('/').filter((part) => part !== '' && part !== '.')
  const isLiteral = !/[*?]/.test(source)
  return {
    source,
    literal: isLiteral ? parts.join('/') : undefined,
    matches: (path) => walk([...parts, '**'], path, 'whole'),
    passesOver: (path) =>
      path.length > 1 &&
      path.at(-1)?.startsWith('.') === true &&
      walk([...parts, '**'], [...path.slice(0, -1), `_${path.at(-1)}`], 'whole'),
    mayHold: (path) => walk([...parts, '**'], path, 'start'),
  }
}

/** All parts of patterns that what was read so far may have come to; as an automaton, so nothing is tried twice. */
function walk(pattern: readonly string[], path: readonly string[], how: 'whole' | 'start'): boolean {
  let at = skipStars(pattern, new Set([0]))
  for (const name of path) {
    const next = new Set<number>()
    for (const i of at) {
      const part = pattern[i]
      if (part === undefined) continue
      if (part === '**') {
        if (!name.startsWith('.')) next.add(i)
      } else if (matchesName(part, name)) next.add(i + 1)
    }
    at = skipStars(pattern, next)
    if (at.size === 0) return false
  }
  return how === 'start' || at.has(pattern.length)
}

/** `**` stands for no folder, too. */
function skipStars(pattern: readonly string[], at: Set<number>): Set<number> {
  for (const i of at) if (pattern[i] === '**') at.add(i + 1)
  return at
}

/** One name, `*` and `?`: the last star is tried again further on, which is enough (Krauss). */
function matchesName(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false
  let [p, n, star, from] = [0, 0, -1, 0]
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++
      from = n
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p++
      n++
    } else if (star !== -1) {
      p = star + 1
      n = ++from
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
