import type { Job, PipelineFile, Span, Step } from '../model.ts'
import { isJobToken } from '../read/secret-names.ts'
import type { Found, PipelineRule } from './rule.ts'

/** Events by which a stranger starts a run that has the repository's secrets. */
const privileged = new Set(['pull_request_target', 'workflow_run', 'issue_comment', 'pull_request_comment'])

/** What stands for the stranger's own commit. */
const head =
  /github\.(?:event\.pull_request\.head\.|event\.workflow_run\.(?:head_|pull_requests)|head_ref)|refs\/pull\/|\bpull\/\$|gh pr checkout|event\.(?:issue|comment)\.\w*(?:number|body)|steps\.[\w-]+\.outputs\.(?:\w*(?:head|sha|ref)\w*)/

export const forkSecrets: PipelineRule = {
  id: 'fork-secrets',
  title: 'Code of a fork runs where the repository’s secrets are.',
  why: 'Anybody may open a pull request. Its build scripts run with the token and the secrets of this repository: spotbugs, Ultralytics, Nx and TanStack lost their tokens so.',
  fix: 'Build pull requests with the event pull_request, which has no secrets, and do what needs them in another workflow that runs nothing of theirs. In Mayfly: fork: false, or event: [push], in the role’s trust.',
  severity: 'error',
  check: (file) => (file.ci === 'github' || file.ci === 'forgejo' ? ofGithub(file) : elsewhere(file)),
}

function ofGithub({ triggers, jobs, text }: PipelineFile): Found[] {
  const events = triggers.filter(({ name }) => privileged.has(name)).map(({ name }) => name)
  if (events.length === 0) return []
  return jobs.flatMap((job) => job.steps.flatMap((step) => checkoutOfHead(job, step, events, text)))
}

function checkoutOfHead({ id }: Job, step: Step, events: readonly string[], text: string): Found[] {
  const words = text.slice(step.span.start, step.span.end)
  const isCheckout =
    step.uses?.name === 'actions/checkout' || /\bgit (?:fetch|checkout|clone)\b|gh pr checkout/.test(words)
  if (!isCheckout || !head.test(words)) return []
  return [
    {
      span: step.span,
      message: `on ${events.join(', ')} the job ${id} checks out what a stranger wrote, and has this repository’s secrets`,
    },
  ]
}

/** There the project's settings decide, which the file does not show. */
const settings: Readonly<
  Partial<Record<PipelineFile['ci'], { readonly event: string; readonly check: string }>>
> = {
  gitlab: {
    event: 'merge_request_event',
    check:
      'a merge request of a fork runs with them if a member starts its pipeline here: protect the variables (Settings, CI/CD), and say fork: false in the role’s trust',
  },
  azure: {
    event: 'pull_request',
    check:
      'see that "Make secrets available to builds of forks" is off (Triggers), and that the service connections have approvals',
  },
  bitbucket: {
    event: 'pull-requests',
    check:
      'a pull request of anybody who may push here runs with them: keep them in a deployment environment',
  },
}

function elsewhere({ ci, triggers, jobs, secrets }: PipelineFile): Found[] {
  const about = settings[ci]
  const long = secrets.filter(({ name }) => !isJobToken(ci, name))
  const here = [...triggers, ...jobs.flatMap((job) => job.triggers)].find(({ name }) => name === about?.event)
  if (about === undefined || here === undefined || long.length === 0) return []
  return [
    {
      span: here.span,
      severity: 'note',
      message: `merge and pull requests run a file that refers to ${long.length} secrets`,
      fix: `${about.check[0]?.toUpperCase() ?? ''}${about.check.slice(1)}.`,
    },
  ]
}

const ofStrangers = new Set([
  'pull_request',
  'pull_request_target',
  'issue_comment',
  'merge_request_event',
  'pull-requests',
])

export const selfHostedFork: PipelineRule = {
  id: 'self-hosted-fork',
  title: 'Pull requests run on a machine of one’s own.',
  why: 'In a public repository a stranger’s code runs there, may stay after the job, and sees the network that the machine is in (PyTorch, 2023).',
  fix: 'Use runners that are thrown away after each job, or hosted ones for pull requests; inside `mayfly run` a step sees neither machine nor network.',
  severity: 'warning',
  check: ({ ci, triggers, jobs }) =>
    jobs.flatMap((job): Found[] => {
      const event = [...triggers, ...job.triggers].find(({ name }) => ofStrangers.has(name))
      const applies = ci !== 'bitbucket' || job.id.startsWith('pull-requests')
      // What deploys has conditions and reviewers of its own.
      if (!applies || event === undefined || job.deployment !== undefined || job.runner?.selfHosted !== true)
        return []
      return [
        {
          span: runnerSpan(job),
          message: `the job ${job.id} runs on a machine of one’s own on ${event.name}`,
        },
      ]
    }),
}

function runnerSpan({ runner, key }: Job): Span {
  return runner?.span ?? key
}
