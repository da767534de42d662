import { limits, messageOf } from '../../lib/index.ts'
import type { Change } from './change.ts'
import type { CommitGraph } from './commit-graph.ts'
import type { RefUpdate } from './push-request.ts'
import type { ServerRef, UpstreamRepository } from './upstream-repository.ts'

/** What an update turned out to be; if not a fast-forward, why. */
export interface Verdict {
  readonly change: Change
  readonly why?: string
}

/**
 * Is the update a fast-forward: does the new commit descend from the old one? Walked from the new commit through the
 * pack; where that leads out of it, through what the server has, which is asked. Each step is a commit whose content
 * names its parents, so neither the client nor the server can claim a descent, they can only leave one out.
 */
export async function judgeUpdate(
  { oldCommit, newCommit }: RefUpdate,
  graph: CommitGraph,
  server: { repository: UpstreamRepository; ref: ServerRef | undefined },
): Promise<Verdict> {
  const within = graph.descent(newCommit, oldCommit)
  if (within.descends) return { change: 'fast_forward' }
  const { ref } = server
  if (ref !== undefined && ref.id !== oldCommit)
    return forced(`the server has it at ${short(ref.id)}, not at ${short(oldCommit)}: fetch first`)
  if (within.edges.length > limits.historyEdges)
    return undecidable(`over ${limits.historyEdges} commits to ask for`)
  if (within.edges.length > 0) {
    try {
      await server.repository.history(within.edges, oldCommit, (id, parents) => graph.add(id, parents))
    } catch (error) {
      return undecidable(messageOf(error))
    }
  }
  return graph.descent(newCommit, oldCommit).descends
    ? { change: 'fast_forward' }
    : forced(`not a fast-forward: ${short(newCommit)} does not descend from ${short(oldCommit)}`)
}

/** What cannot be decided is taken for what needs the stronger grant. */
export function undecidable(why: string): Verdict {
  return forced(`it cannot be told whether it is a fast-forward: ${why}`)
}

function forced(why: string): Verdict {
  return { change: 'force', why }
}

function short(id: string): string {
  return id.slice(0, 12)
}
