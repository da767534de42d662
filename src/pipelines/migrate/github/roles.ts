import type { Job, PipelineFile, Step } from '../../model.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import type { Ask, MovedRole, MovedSecret, Need, Project } from '../model.ts'
import { isGitOnly, roleOf } from '../role.ts'
import { leavesOf, type Condition } from '../conditions/index.ts'
import {
  eventsWithOtherRefs,
  eventsWithoutRole,
  isCalled,
  isOnlyCalled,
  notSaid,
  readingTrust,
  whyUntrusted,
  writingTrust,
  eventsOf,
  mayRun,
  type Starts,
  type Triggers,
} from '../triggers.ts'
import { githubCondition } from './condition.ts'
import { usesLogin, type LoginPlan } from './logins.ts'
import type { RunBy } from './shell.ts'
import type { StepPlan } from './steps.ts'

export interface Roles {
  readonly all: readonly MovedRole[]
  readonly by: (step: StepPlan) => Omit<RunBy, 'variables' | 'shell'> | undefined
  /** What of the job's own conditions the roles do not say, and by what its steps run without being given one. */
  readonly notes: readonly string[]
}

/**
 * The job and those that it needs: where one of them is skipped, it is, too, unless its own condition asks how they ended.
 * Source: GitHub documentation, "Workflow syntax", `jobs.<job_id>.needs`.
 */
function askedBy(jobs: readonly Job[], job: Job): Job[] {
  const found = new Set([job])
  for (const one of found)
    if (!/\b(?:always|failure|cancelled)\(/i.test(one.condition?.value ?? ''))
      for (const needed of jobs) if (one.needs.includes(needed.id)) found.add(needed)
  return [...found]
}

/** What the steps ran by, and where they fail without the role. */
function failing(starts: Starts, trusted: Triggers, role: string): string[] {
  const events = eventsWithoutRole(starts)
  const refs = eventsWithOtherRefs(starts, trusted)
  const known = [...new Set(trusted.rule.any.flatMap(({ ref }) => ref ?? []))]
  const where = [
    ...(events.length === 0 ? [] : [`when ${events.join(' or ')} starts them`]),
    ...(isCalled(starts.on)
      ? ['when another workflow calls it, unless that is started by what they trust']
      : []),
    ...(refs.length === 0 ? [] : [`when ${refs.join(' or ')} does on another ref than ${known.join(', ')}`]),
  ]
  return where.length === 0
    ? []
    : [
        `steps with role ${role} fail ${where.join(', and ')}: say in their \`if:\` when they are to run (github.event_name, github.ref)`,
      ]
}

const ofForks =
  'GitHub gives runs for pull requests of forks no identity token, so that what Mayfly runs fails in them: where people send such, let a job of their own, without Mayfly, test them'

function mayBeForks(starts: Starts): boolean {
  const { on } = starts
  return ['pull_request', 'pull_request_review', 'pull_request_review_comment'].some(
    (event) => eventsOf(on).includes(event) && mayRun(starts, event, 'refs/pull/*'),
  )
}

function untoldIn(condition: Condition): string[] {
  const words = leavesOf(condition).flatMap(({ untold }) => (untold === undefined ? [] : [untold]))
  return words.length === 0
    ? []
    : [`its \`if:\` asks for ${words.join(', ')}, which no token says: the roles are given whatever that is`]
}

/** What starts a job, and those of its steps whose conditions are given. */
export function startsOf(
  file: PipelineFile,
  root: YamlView,
  job: Job,
  { repository }: Project,
): (steps: readonly Step[]) => Starts {
  const asked = askedBy(file.jobs, job)
  const condition: Condition = {
    is: 'all',
    of: asked.map((one) => githubCondition(one.condition?.value, repository)),
  }
  return (steps) => ({
    on: root.get('on'),
    job: condition,
    steps: steps.map((step) => githubCondition(step.condition?.value, repository)),
    defaultBranch: repository.defaultBranch,
  })
}

const ofSubject =
  'it has no environment, and its role asks for that by the subject of GitHub’s tokens as they are by default (docs.github.com, OpenID Connect reference): where the repository or organization says another one, write what that has for such a job'

/** `sub` ends with the ref where a job has no environment, and with `:environment:NAME` where it has one. */
function withAsks(
  role: MovedRole,
  asks: ReadonlySet<Ask>,
  { path }: PipelineFile,
  { repository }: Project,
): MovedRole {
  const { all, any } = role.trust
  return {
    ...role,
    trust: {
      all: asks.has('workflow') ? { ...all, workflow: `${repository.path}/${path}@*` } : all,
      any: asks.has('no-environment')
        ? any.map((one) => (one['ref'] === undefined ? one : { ...one, subject: `*:ref:${one['ref']}` }))
        : any,
    },
  }
}

/**
 * The roles of a job: one for what builds, one for what writes or had a secret. A text says why no role can be trusted to the job.
 */
export function rolesOf(
  file: PipelineFile,
  job: Job,
  startsFor: (steps: readonly Step[]) => Starts,
  steps: readonly StepPlan[],
  logins: readonly Pick<LoginPlan, 'gone' | 'moved'>[],
  project: Project,
  name: string,
  ambient: readonly MovedSecret[] = [],
): Roles | string {
  const run = steps.filter((step) => step.use === undefined && step.blocked === undefined)
  const gone = steps.filter((_, i) => logins[i]?.gone === true)
  const isWriting = (step: StepPlan) =>
    step.moved.length > 0 ||
    step.needs.some((one) => one.writes || gone.some((login) => usesLogin(login, one)))
  const writing = run.filter(isWriting)
  const reading = run.filter((step) => !isWriting(step))
  const always = {
    issuer: 'github',
    repository_id: project.repository.id ?? 'REPOSITORY_ID',
    ...(job.deployment === undefined || job.deployment.value.includes('${{')
      ? {}
      : { environment: job.deployment.value }),
  }
  const starts = (of: readonly StepPlan[]) => startsFor(of.map(({ step }) => step))
  const { on, job: condition } = starts([])
  if (isOnlyCalled(on) && run.length > 0)
    return 'other workflows call it, and what starts those, which is what a role trusts, stands in them: move its steps into the workflow that calls it'
  const read = readingTrust(starts(reading), always)
  const write = writingTrust(starts(writing), always)
  if (writing.length > 0 && write === undefined) return whyUntrusted(starts(writing))
  if (reading.length > 0 && read === undefined)
    return askedBy(file.jobs, job).every((one) => one.condition === undefined)
      ? 'only strangers start it'
      : notSaid
  const base: Need = {
    connection: 'git',
    action: 'git:read',
    path: project.repository.path,
    url: project.repository.host,
    writes: false,
  }
  // By which secrets of the job itself they reached it, where it had logged in or had them among its variables.
  const opened = (need: Need): Need => {
    const secrets = [
      ...gone.flatMap((login) => (usesLogin(login, need) ? (logins[steps.indexOf(login)]?.moved ?? []) : [])),
      ...ambient.filter(({ connection }) => connection === need.connection),
    ]
    return secrets.length === 0
      ? need
      : { ...need, by: [...(need.by ?? []), ...secrets.map(({ reference }) => reference.name)] }
  }
  const shared = writing.some((step) => reading.some((one) => one.index < step.index) && !isGitOnly(step))
  const all: MovedRole[] = []
  if (reading.length > 0 && read !== undefined)
    all.push(
      roleOf(
        `${name}-build`,
        `Job ${job.id} of ${file.path}: what it builds and tests.`,
        read.rule,
        [base, ...reading.flatMap(({ needs }) => needs)],
        reading,
      ),
    )
  if (writing.length > 0 && write !== undefined)
    all.push({
      ...roleOf(
        name,
        `Job ${job.id} of ${file.path}: what had its secrets.`,
        write.rule,
        [base, ...writing.flatMap(({ needs }) => needs.map(opened))],
        writing,
      ),
      allow: shared ? ['shared-workspace'] : [],
    })
  const asked = all.map((role) => ({ role, asks: project.asks?.get(role.name) }))
  return {
    all: asked.map(({ role, asks }) => (asks === undefined ? role : withAsks(role, asks, file, project))),
    notes: [
      ...(asked.some(({ asks }) => asks?.has('no-environment') === true) ? [ofSubject] : []),
      ...(writing.length > 0 && write !== undefined ? failing(starts(writing), write, name) : []),
      ...(run.length > 0 && mayBeForks(starts(run)) ? [ofForks] : []),
      ...untoldIn(condition),
      ...(writing.length > 0 ? (write?.wider ?? []) : []).map(
        (ref) =>
          `a role's pattern says less than the file's, so the role asks that ${ref} is protected (Settings, Rules, a ruleset for tags)`,
      ),
    ],
    by(step) {
      if (!run.includes(step)) return undefined
      if (!writing.includes(step)) return { role: `${name}-build`, workspace: 'job' }
      const follows = reading.some((one) => one.index < step.index)
      return { role: name, workspace: isGitOnly(step) ? 'checkout' : follows ? 'shared' : 'job' }
    },
  }
}
