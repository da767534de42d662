import type { Job, PipelineFile } from '../../model.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import type { Kept, Project } from '../model.ts'
import { eventsWithoutRole, onlyBranch } from '../triggers.ts'
import { planAmbient, type Ambient } from './ambient.ts'
import { planLogin, type LoginPlan } from './logins.ts'
import { rolesOf, startsOf, type Roles } from './roles.ts'
import { planSteps, type StepPlan } from './steps.ts'

/** A job as it would be moved; or why it cannot be. */
export type JobPlan = JobPlanOf<'moves'> | JobPlanOf<'stays'>

interface Planned {
  readonly moves: {
    readonly steps: readonly StepPlan[]
    readonly logins: readonly LoginPlan[]
    readonly ambient: Ambient
    readonly roles: Roles
  }
  readonly stays: { readonly why: Pick<Kept, 'why' | 'instead'> }
}

type JobPlanOf<State extends keyof Planned> = {
  readonly is: State
  readonly job: Job
  readonly view: YamlView
} & Planned[State]

export function planJob(
  file: PipelineFile,
  root: YamlView,
  job: Job,
  project: Project,
  role: string,
): JobPlan {
  const view = root.get('jobs', job.id)
  const why = whyNot(job, view)
  if (why !== undefined) return { is: 'stays', job, view, why }
  const starts = startsOf(file, root, job, project)
  // What `git push` without a ref moves.
  const defaultBranch = onlyBranch(starts([])) ?? project.repository.defaultBranch
  const here = { ...project, repository: { ...project.repository, defaultBranch } }
  const steps = planSteps(file, root, view, job, here, (step) => eventsWithoutRole(starts([step])))
  const logins = steps.map((step) => planLogin(step, steps, file.text))
  const isOf = ({ job: id, step }: { readonly job?: string; readonly step?: number }) =>
    id === job.id && step === undefined
  const ambient = planAmbient(file, view, job.environment, isOf, steps)
  const roles = rolesOf(file, job, starts, steps, logins, project, role, ambient.moved)
  if (typeof roles === 'string') return { is: 'stays', job, view, why: { why: roles } }
  const [left] = roles.all.flatMap(({ name }) => project.stays?.get(name) ?? [])
  if (left !== undefined) return { is: 'stays', job, view, why: left }
  return { is: 'moves', job, view, steps, logins, ambient, roles }
}

function whyNot(job: Job, view: YamlView): Pick<Kept, 'why' | 'instead'> | undefined {
  if (job.uses !== undefined)
    return {
      why: `the job is the workflow ${job.uses.name}: which steps take its secrets stands there`,
      instead:
        job.uses.pin === 'local' ? 'move that file' : 'let its owners move it, or call a copy of yours',
    }
  if (view.get('container').isThere)
    return {
      why: 'the job runs in a container of docker, whose filter lets nobody make a sandbox',
      instead: 'leave `container:` out, or give it the options that docs/ci.md names (Isolation)',
    }
  const labels = job.runner?.labels ?? []
  const other = labels.find((label) => /windows|macos|mac-os|\$\{\{/i.test(label))
  if (other !== undefined)
    return {
      why: `it runs on ${other}: Mayfly’s sandbox is Linux’s`,
      instead: 'give the steps with secrets a job on Linux',
    }
  if (view.isShared || view.get('steps').isShared || view.get('permissions').isShared)
    return {
      why: 'its steps or permissions are written once by an anchor and used in several places',
      instead: 'write them out',
    }
  return undefined
}
