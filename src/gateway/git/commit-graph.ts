import { MayflyError, limits } from '../../lib/index.ts'

/** Commits and their parents, each known by its content: nobody's word is taken for who descends from whom. */
export interface CommitGraph {
  /** Throws `limit_exceeded`. */
  add(id: string, parents: readonly string[]): void
  has(id: string): boolean
  /** Does the first descend from, or equal, the second? If that is not known, the commits behind which the answer lies. */
  descent(from: string, to: string): { readonly descends: boolean; readonly edges: readonly string[] }
}

export function createCommitGraph(): CommitGraph {
  const commits = new Map<string, readonly string[]>()
  let parentCount = 0
  return {
    add(id, parents) {
      if (commits.has(id)) return
      commits.set(id, parents)
      parentCount += parents.length
      if (commits.size > limits.historyCommits || parentCount > limits.historyParents)
        throw new MayflyError('limit_exceeded', `it takes more than ${limits.historyCommits} commits to tell`)
    },
    has: (id) => commits.has(id),
    descent(from, to) {
      const seen = new Set([from])
      const edges: string[] = []
      // Grows while it is walked; a commit is walked once, whatever the parents say.
      for (const id of seen) {
        if (id === to) return { descends: true, edges: [] }
        const parents = commits.get(id)
        if (parents === undefined) edges.push(id)
        else for (const parent of parents) seen.add(parent)
      }
      return { descends: false, edges }
    },
  }
}
