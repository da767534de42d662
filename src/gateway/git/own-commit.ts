import { limits, messageOf } from '../../lib/index.ts'
import type { CommitGraph } from './commit-graph.ts'
import type { OnTag } from './object-format.ts'
import type { UpstreamRepository } from './upstream-repository.ts'

/** Annotated tags of a pack, for grants that ask for the run's own commit: what a tag names counts. */
export interface PackTags {
  readonly add: OnTag
  /** What the id stands for once tags are followed; itself if it is none of them. */
  peeled(id: string): string
}

const maxTags = 10_000
const maxDepth = 5

export function createPackTags(): PackTags {
  const targets = new Map<string, string>()
  return {
    add(id, target) {
      if (targets.size < maxTags) targets.set(id, target)
    },
    peeled(id) {
      let at = id
      for (let depth = 0; depth < maxDepth; depth++) at = targets.get(at) ?? at
      return at
    },
  }
}

/**
 * Is it the commit that the job runs for, or does it descend from it? Each step of the walk is a commit whose content names its
 * parents; what leads out of the pack the server is asked for. Returns why not.
 */
export async function whyNotOwn(
  commit: string,
  own: string | undefined,
  graph: CommitGraph,
  repository: UpstreamRepository,
): Promise<string | undefined> {
  if (own === undefined) return 'the identity of the job names no commit'
  const within = graph.descent(commit, own)
  if (within.descends) return undefined
  const not = `${commit.slice(0, 12)} does not descend from ${own.slice(0, 12)}, the commit of the job`
  if (within.edges.length === 0) return not
  if (within.edges.length > limits.historyEdges) return `over ${limits.historyEdges} commits to ask for`
  try {
    await repository.history(within.edges, own, (id, parents) => graph.add(id, parents))
  } catch (error) {
    return `it cannot be told whether it descends from ${own.slice(0, 12)}, the commit of the job: ${messageOf(error)}`
  }
  return graph.descent(commit, own).descends ? undefined : not
}
