import type { Job, PipelineFile } from '../../model.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import { isJobToken } from '../../read/secret-names.ts'
import { unknownName } from '../commands/command.ts'
import type { Edit } from '../edits.ts'
import type { Kept, MovedRole, MovedSecret } from '../model.ts'
import { folderOf } from './checkouts.ts'
import type { Ambient } from './ambient.ts'
import type { JobPlan } from './job-plan.ts'
import { withIdToken } from './permissions.ts'
import { isOfTheSystem } from '../scripts/system-commands.ts'
import { serviceNote } from '../scripts/run-line.ts'
import type { Roles } from './roles.ts'
import { stepEdits, tokenInputs } from './step-edits.ts'
import type { StepPlan } from './steps.ts'

export interface JobMigration {
  readonly edits: readonly Edit[]
  readonly roles: readonly MovedRole[]
  readonly moved: readonly MovedSecret[]
  readonly kept: readonly Kept[]
  readonly notes: readonly string[]
}

const nothing: JobMigration = { edits: [], roles: [], moved: [], kept: [], notes: [] }

/** Moves one job. `inherited`: secrets that its steps had from the variables of the file. */
export function migrateJob(
  file: PipelineFile,
  root: YamlView,
  plan: JobPlan,
  inherited: Pick<Ambient, 'moved' | 'stands'>,
): JobMigration {
  const { job, view } = plan
  if (plan.is === 'stays') {
    const own = file.secrets.filter((one) => one.job === job.id && !isJobToken('github', one.name))
    return { ...nothing, kept: own.map(({ span, name }) => ({ span, what: `secrets.${name}`, ...plan.why })) }
  }
  const { steps, logins, ambient, roles } = plan
  const tokens = steps.map((step) => tokenInputs(file, step, steps))
  const kept = [...steps, ...logins, ambient, ...tokens].flatMap((one) => one.kept)
  const moved = [
    ...steps.flatMap((step) => step.moved.map(({ secret }) => secret)),
    ...logins.flatMap((one) => one.moved),
    ...ambient.moved,
    ...tokens.flatMap((one) => one.moved),
  ]
  const isHeir = inherited.moved.some(({ connection }) =>
    steps.some(({ needs }) => needs.some((need) => need.connection === connection)),
  )
  if (moved.length === 0 && !isHeir) return { ...nothing, kept }
  // The checkout goes by the job's own token then.
  const reads = tokens.some((one) => one.moved.length > 0)
  const permissions = withIdToken(file.text, root, view, ownTokenNeeds(steps), reads)
  const words = new Set([...inherited.stands, ...ambient.stands])
  const edits = steps.flatMap((step, i) =>
    stepEdits(file.text, step, logins[i]?.gone === true, roles.by(step), job, file, words),
  )
  return {
    edits: [...permissions.edits, ...ambient.edits(view), ...edits, ...tokens.flatMap((one) => one.edits)],
    roles: roles.all,
    moved,
    kept,
    notes: [
      ...notesOf(root, view, job, steps, permissions.wasDefault, roles, ambient.left),
      ...(permissions.readsNow
        ? [
            `job ${job.id}: its checkout goes by the job’s own token now, which may read the repository (contents: read)`,
          ]
        : []),
    ],
  }
}

/** What the job's own token is used for, where its permissions were the repository's default. */
function ownTokenNeeds(steps: readonly StepPlan[]): string[] {
  return steps.flatMap(({ step: { uses }, use }) => {
    if (uses === undefined || use?.is !== 'own') return []
    if (/release/i.test(uses.name)) return ['contents: write']
    if (/pages/i.test(uses.name)) return ['contents: write', 'pages: write']
    return /pull-request|changesets/i.test(uses.name) ? ['contents: write', 'pull-requests: write'] : []
  })
}

function notesOf(
  root: YamlView,
  view: YamlView,
  job: Job,
  steps: readonly StepPlan[],
  wasDefault: boolean,
  roles: Pick<Roles, 'notes'>,
  withSecrets: readonly string[],
): string[] {
  const where = `job ${job.id}`
  const outside = steps.filter((step) => step.use === undefined && step.blocked !== undefined)
  const guesses = [...new Set(steps.flatMap((step) => step.guesses))]
  return [
    ...(wasDefault
      ? [
          `${where}: had the permissions that the repository’s settings give; it now has what it names. What else its own token was for, add`,
        ]
      : []),
    ...roles.notes.map((note) => `${where}: ${note}`),
    ...(view.get('services').isMap ? [`${where}: ${serviceNote}`] : []),
    ...withSecrets.map(
      (name) => `${where}: its scripts in Mayfly are not given ${name}, which holds a secret`,
    ),
    ...outside.map(
      (step) =>
        `${where}: a script stays outside of Mayfly, and could ask for the job’s identity token: ${step.blocked?.why ?? ''}`,
    ),
    ...steps
      .filter(({ use, step }) => use?.is === 'own' && step.uses !== undefined)
      .map(
        ({ step }) =>
          `${where}: ${step.uses?.name ?? ''} runs outside of Mayfly, and could ask for the job’s identity token`,
      ),
    ...(steps.some((one) => one.use === undefined && one.blocked === undefined && isOfTheSystem(one.script))
      ? [
          `${where}: what its steps install by name (npm install -g, pip install) the steps behind them do not have, since the system is read-only in a step and each has a home of its own: install it into the checkout (npm ci, a venv), or in the step that uses it`,
        ]
      : []),
    ...guesses.map(
      (connection) =>
        `${where}: what it reaches on ${connection} the script does not show; its grant names "${unknownName}", or all packages of the checkout. The first denial says what to write`,
    ),
    ...(steps.some((one) => one.use === undefined && folderOf(root, view, one.view) !== '')
      ? [`${where}: a step with working-directory sees that folder alone`]
      : []),
  ]
}
