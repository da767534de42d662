import type { Job, Span } from '../model.ts'

export interface Owner {
  readonly job?: string
  readonly step?: number
  /** It is a command of that step. */
  readonly inCommand: boolean
}

interface Interval extends Span {
  readonly owner: Owner
}

/** In which job and step of a file a place stands. What is shared by an alias belongs to the first who uses it. */
export function createOwners(jobs: readonly Job[]): (span: Span) => Owner {
  const commands = new Map<number, Owner>()
  const ofJobs: Interval[] = []
  const ofSteps: Interval[] = []
  for (const { id, span, calls = [], steps } of jobs) {
    for (const one of [span, ...calls]) ofJobs.push({ ...one, owner: { job: id, inCommand: false } })
    steps.forEach((one, step) => {
      const owner = { job: id, step, inCommand: false }
      ofSteps.push({ ...one.span, owner })
      for (const command of one.commands)
        if (!commands.has(command.span.start)) commands.set(command.span.start, { ...owner, inCommand: true })
    })
  }
  const steps = createSearch(ofSteps)
  const within = createSearch(ofJobs)
  return (span) => commands.get(span.start) ?? steps(span) ?? within(span) ?? { inCommand: false }
}

/** The last interval that begins before the place, if it reaches over it. Intervals of one kind are not within each other. */
function createSearch(intervals: Interval[]): (span: Span) => Owner | undefined {
  const sorted = intervals.toSorted((a, b) => a.start - b.start)
  return ({ start }) => {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sorted[middle]?.start ?? 0) <= start) low = middle + 1
      else high = middle
    }
    const one = sorted[low - 1]
    return one !== undefined && one.end > start ? one.owner : undefined
  }
}
