import type { YamlView } from '../read/yaml-view.ts'
import { covers, narrowedTo, outcomeAt, type Condition, type Run } from './conditions/index.ts'
import { pushRefs } from './github/push-refs.ts'
import type { TrustRule } from './model.ts'

/** Events by which a stranger starts a job that has the ids of the repository. */
const strangers = new Set([
  'pull_request_target',
  'workflow_run',
  'issue_comment',
  'issues',
  'discussion',
  'discussion_comment',
  'fork',
  'watch',
  'pull_request_review',
  'pull_request_review_comment',
  'repository_dispatch',
])

export interface Triggers {
  readonly rule: TrustRule
  /** Refs that the rule has more of than the file: it asks that they are protected. */
  readonly wider: readonly string[]
}

/** What starts a workflow, and what the job, and the steps that have the role, ask for beside that. */
export interface Starts {
  readonly on: YamlView
  readonly job: Condition
  /** Of each step; where one is not surely understood, the job's alone. */
  readonly steps: readonly Condition[]
  readonly defaultBranch: string
}

interface Candidate extends Run {
  /** The rule says the ref. */
  readonly isSaid: boolean
  /** Only parts of it that a condition names. */
  readonly isWhole: boolean
}

type Alternative = Readonly<Record<string, string>>

/**
 * Who may assume a role that only reads: the events of the file that no stranger starts, as far as the job runs by them. Undefined if
 * there is none. `always`: what every alternative asks for.
 */
export function readingTrust(starts: Starts, always: Readonly<Record<string, string>>): Triggers | undefined {
  return triggersOf(starts, always, readingRuns(starts), ({ event, ref, isSaid }) => ({
    event,
    ...(isSaid ? { ref } : {}),
  }))
}

/** Who may assume one that writes: a protected branch, or a tag. */
export function writingTrust(starts: Starts, always: Readonly<Record<string, string>>): Triggers | undefined {
  return triggersOf(starts, always, writingRuns(starts), ({ event, ref }) => ({
    event,
    ref,
    ...(ref.startsWith('refs/heads/') ? { ref_protected: 'true' } : {}),
  }))
}

/** Events by which the steps may run, and of which no role that writes may trust any; none where they run by no others. */
export function eventsWithoutRole(starts: Starts): string[] {
  const trusted = new Set(writingRuns(starts).map(({ event }) => event))
  if (![...trusted].some((event) => mayRun(starts, event, refOfEvent[event] ?? 'refs/*'))) return []
  return eventsOf(starts.on).filter(
    (event) => !trusted.has(event) && event !== call && mayRun(starts, event, refOfEvent[event] ?? 'refs/*'),
  )
}

/** Events by which they may run, on refs too that the role does not trust: a push of another branch. */
export function eventsWithOtherRefs(starts: Starts, { rule }: Triggers): string[] {
  const { isAny } = pushRefs(starts.on.get('push'), starts.defaultBranch)
  return eventsOf(starts.on).filter((event) => {
    const trusted = rule.any.filter((one) => one['event'] === event).flatMap(({ ref }) => ref ?? [])
    const isOpen = event === 'workflow_dispatch' || (event === 'push' && isAny)
    return (
      isOpen &&
      trusted.length > 0 &&
      someRefs.some((ref) => mayRun(starts, event, ref) && !trusted.some((one) => covers(one, ref)))
    )
  })
}

/** Of names that no condition says. */
const someRefs = ['refs/heads/\u0001', 'refs/tags/\u0001']

/** The one branch that a job is on in the runs that a role which writes may trust; undefined where it may be on several. */
export function onlyBranch(starts: Starts): string | undefined {
  const [one, ...others] = new Set(
    writingRuns(starts).flatMap(({ ref }) => /^refs\/heads\/([^*]+)$/.exec(ref)?.[1] ?? []),
  )
  return others.length === 0 ? one : undefined
}

/** May any of the steps run by this event on this ref, or one of these? */
export function mayRun({ job, steps }: Starts, event: string, ref: string): boolean {
  return (steps.length === 0 ? [job] : steps).some((step) => {
    const { canHold, canFail } = outcomeAt({ is: 'all', of: [job, step] }, { event, ref })
    return canHold || !canFail
  })
}

/** Why no role that writes may trust what starts it. */
export function whyUntrusted(starts: Starts): string {
  const { on, defaultBranch } = starts
  if (writingRuns(starts).length > 0) return notSaid
  const { refs, isAny } = pushRefs(on.get('push'), defaultBranch)
  return eventsOf(on).includes('push') && refs.length === 0 && !isAny
    ? 'its `on:` leaves out branches or tags, which no pattern of a role can: name those that write'
    : 'strangers can start it (by a pull request, an issue, or what follows one), and no role that writes may trust that'
}

export const notSaid =
  'its `if:`, or that of a job that it needs, asks for what a role’s trust cannot say: say it by events and refs (github.event_name, github.ref)'

/** Other workflows may start it, too. */
export function isCalled(on: YamlView): boolean {
  return eventsOf(on).includes(call)
}

/** No event: a token of a workflow that another one calls names what started that one. */
const call = 'workflow_call'

/** Nothing starts it but other workflows, and which events those have stands in them. */
export function isOnlyCalled(on: YamlView): boolean {
  const events = eventsOf(on)
  return events.length > 0 && events.every((event) => event === call)
}

function triggersOf(
  { on, job, steps, defaultBranch }: Starts,
  always: Readonly<Record<string, string>>,
  candidates: readonly Candidate[],
  say: (run: Candidate) => Alternative,
): Triggers | undefined {
  const runs = candidates.flatMap((one) => parts(one, job))
  const some =
    steps.length === 0
      ? runs
      : steps.flatMap((step) => {
          const narrower = candidates.flatMap((one) => parts(one, { is: 'all', of: [job, step] }))
          return narrower.length === 0 ? runs : narrower
        })
  const wider = pushRefs(on.get('push'), defaultBranch).wider
  const isWider = ({ event, ref }: Candidate) => event === 'push' && wider.includes(ref)
  const any = some.map((one): Alternative => ({
    ...say(one),
    ...(isWider(one) ? { ref_protected: 'true' } : {}),
  }))
  const seen = new Set(any.map((one) => JSON.stringify(one)))
  if (seen.size === 0) return undefined
  return {
    rule: { all: always, any: [...seen].map((one) => JSON.parse(one) as Alternative) },
    wider: [
      ...new Set(some.flatMap((one) => (isWider(one) && one.ref.startsWith('refs/tags/') ? [one.ref] : []))),
    ],
  }
}

function parts(one: Candidate, condition: Condition): Candidate[] {
  return narrowedTo(one, condition).flatMap((part) =>
    part.ref === one.ref ? (one.isWhole ? [one] : []) : [{ ...part, isSaid: true, isWhole: true }],
  )
}

export function eventsOf(on: YamlView): string[] {
  return on.isMap ? on.pairs().map(({ key }) => key.value) : on.texts().map(({ value }) => value)
}

const refOfEvent: Readonly<Record<string, string>> = {
  pull_request: 'refs/pull/*',
  release: 'refs/tags/*',
  merge_group: 'refs/heads/gh-readonly-queue/*',
}

function readingRuns({ on, defaultBranch }: Starts): Candidate[] {
  return eventsOf(on)
    .filter((event) => !strangers.has(event) && event !== call)
    .flatMap((event): Candidate[] => {
      const all = { event, isSaid: false, isWhole: true }
      if (event === 'schedule') return [{ ...all, ref: `refs/heads/${defaultBranch}` }]
      const { refs, isAny } = pushRefs(on.get('push'), defaultBranch)
      if (event !== 'push' || isAny) return [{ ...all, ref: refOfEvent[event] ?? 'refs/*' }]
      return refs.map((ref) => ({ ...all, ref, isSaid: true }))
    })
}

function writingRuns({ on, defaultBranch }: Starts): Candidate[] {
  return eventsOf(on).flatMap((event): Candidate[] => {
    const said = { event, isSaid: true, isWhole: true }
    const onDefault = { ...said, ref: `refs/heads/${defaultBranch}` }
    if (event === 'schedule' || event === 'workflow_dispatch') return [onDefault]
    // Of a tag it is what a push of that is; branches come into being by it, and the default one is there.
    if (event === 'create') return [{ ...said, ref: 'refs/tags/*', isWhole: false }]
    if (event === 'release') return [{ ...said, ref: 'refs/tags/*' }]
    if (event !== 'push') return []
    const { refs, isAny } = pushRefs(on.get('push'), defaultBranch)
    if (!isAny) return refs.map((ref) => ({ ...said, ref }))
    // Of any push the default branch, and tags that the job itself asks for.
    return [onDefault, { ...said, ref: 'refs/tags/*', isWhole: false }]
  })
}
