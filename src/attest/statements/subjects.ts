import type { StepFacts } from './facts.ts'
import { digestSet, plain } from './plain.ts'
import type { Subject } from '../verify/index.ts'

/**
 * What the step made: the files that it declared, and what registries took from it. Sorted by name and digest; a name stands once.
 */
export function subjectsOf(facts: Pick<StepFacts, 'published' | 'reported'>): Subject[] {
  const declared = facts.reported.artifacts.map(({ path, sha256 }) => ({ name: fileName(path), sha256 }))
  const published = facts.published.map(({ name, digest }) => ({
    name: plain(name),
    sha256: digest.replace(/^sha256:/, ''),
  }))
  const seen = new Set<string>()
  const names = new Map<string, number>()
  return [...published, ...declared]
    .filter(({ name, sha256 }) => !seen.has(`${sha256} ${name}`) && seen.add(`${sha256} ${name}`))
    .toSorted((one, other) => compare(one.name, other.name) || compare(one.sha256, other.sha256))
    .flatMap(({ name, sha256 }) => {
      const digest = digestSet({ sha256 })
      if (digest === undefined) return []
      const count = (names.get(name) ?? 0) + 1
      names.set(name, count)
      // Of two that are called the same readers take one or the other: the second has no name of its own.
      return count === 1 ? [{ name, digest }] : [{ digest }]
    })
}

/** A file that a step calls like a package must not be taken for what a registry took. */
export function fileName(path: string): string {
  return plain(/^[A-Za-z][A-Za-z0-9+.-]*:/.test(path) ? `./${path}` : path, 4_096)
}

export function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
