import type { Job, PipelineFile, Span } from '../../model.ts'
import { isJobToken } from '../../read/secret-names.ts'
import { replacementOf } from '../../replace/replace.ts'
import { readsVariable } from '../commands/index.ts'
import { isTold } from '../connections.ts'
import type { Edit } from '../edits.ts'
import { within } from '../lines.ts'
import { standIn, type Kept, type MovedSecret } from '../model.ts'
import { takeOutEntries, takeOutItem } from '../take-out.ts'
import { needsLeftToken, pushesForOthers } from './left-token.ts'
import type { Roles } from './roles.ts'
import type { Asked } from './secrets.ts'
import { runByMayfly } from './shell.ts'
import type { StepPlan } from './steps.ts'

export interface TokenInputs {
  readonly edits: readonly Edit[]
  readonly moved: readonly MovedSecret[]
  readonly kept: readonly Kept[]
}

/** Tokens that an action takes and can do without. */
export function tokenInputs(file: PipelineFile, step: StepPlan, steps: readonly StepPlan[]): TokenInputs {
  const { use, view, asked } = step
  const nothing = { edits: [], moved: [], kept: [] }
  if (use?.is !== 'token-input') return nothing
  const taken = asked.filter(
    ({ entry, reference }) =>
      entry !== undefined &&
      use.inputs.test(entry.key.value) &&
      reference.name.toUpperCase() !== 'GITHUB_TOKEN',
  )
  const pair = view.pair('with')
  if (taken.length === 0 || pair === undefined) return nothing
  const why =
    view.isShared || pair.value.isShared
      ? 'it is written once by an anchor and used in several places'
      : view.get('with', 'repository').isThere
        ? 'another repository than the job’s own is read by it, before any step of Mayfly'
        : fetchesSubmodules(step)
          ? 'submodules are fetched by it, before any step of Mayfly, which the job’s own token may not read'
          : (needsLeftToken(steps, step) ?? pushesForOthers(steps, step))
  if (why !== undefined)
    return {
      ...nothing,
      kept: taken.map(({ reference }) => ({
        span: reference.span,
        what: `secrets.${reference.name}`,
        why,
        instead: fetchesSubmodules(step)
          ? 'leave `submodules:` out, and write `git submodule update --init --recursive` into a `run:` step, with git:read of each'
          : '`git clone` or `git push` in a `run:` step, with git:read or git:push',
      })),
    }
  const names = new Set(taken.map(({ entry }) => entry?.key.value))
  const reason = 'the checkout leaves no token behind: `git` inside Mayfly goes by the gateway'
  const own = pair.value.pairs()
  const first = own.find(({ key }) => names.has(key.value))
  if (first === undefined) return nothing
  const rest = own.filter(({ key }) => names.has(key.value) && key !== first.key)
  const has = pair.value.get('persist-credentials').isThere
  const edits = has
    ? takeOutEntries(file.text, pair.value, ({ key }) => names.has(key.value), reason, { pair, above: view })
    : [
        { ...first.span, text: 'persist-credentials: false', reason },
        ...(rest.length === 0
          ? []
          : takeOutEntries(
              file.text,
              pair.value,
              ({ key }) => rest.some((one) => one.key.value === key.value),
              reason,
            )),
      ]
  return { ...nothing, edits, moved: taken.map(({ reference }) => ({ reference, connection: 'git' })) }
}

function fetchesSubmodules({ step }: StepPlan): boolean {
  const said = step.inputs.find(({ key }) => key.value === 'submodules')
  return said !== undefined && said.value?.value.toLowerCase() !== 'false'
}

/** What becomes of one step. */
export function stepEdits(
  text: string,
  step: StepPlan,
  isGone: boolean,
  by: ReturnType<Roles['by']>,
  job: Job,
  file: PipelineFile,
  words: ReadonlySet<string> = new Set(),
): Edit[] {
  if (isGone) {
    const gone = takeOutItem(
      text,
      step.step.span,
      'no step logs in any more: the gateway adds the credential',
    )
    return gone === undefined ? [] : [gone]
  }
  if (by === undefined || step.shell === 'other' || step.shell === 'login') return []
  const { removed, stands } = whatGoes(step)
  const edits = stands.map(stood)
  const pair = step.view.pair('env')
  if (pair !== undefined && removed.size > 0)
    edits.push(
      ...takeOutEntries(
        text,
        pair.value,
        ({ key }) => removed.has(key.value),
        'no step has this secret any more',
        { pair, above: step.view },
      ),
    )
  const ran = runByMayfly(text, step.view, {
    ...by,
    shell: step.shell,
    variables: variablesOf(file, job, step, removed, words),
  })
  return ran === undefined ? edits : [...edits, ran]
}

/** Variables that go, and expressions that a word takes the place of. Two secrets may stand in one variable, or in one expression. */
function whatGoes({ moved, jobTokens, script }: StepPlan): { removed: Set<string>; stands: Span[] } {
  const all = [
    ...moved.map(({ asked, id }) => ({ asked, id })),
    ...jobTokens.map((asked) => ({ asked, id: undefined })),
  ]
  const nameOf = ({ place, entry }: Asked) => (place === 'variable' ? entry?.key.value : undefined)
  const staying = all.flatMap(({ asked, id }) => {
    const name = nameOf(asked)
    return id !== undefined && name !== undefined && !(isTold(id) && !readsVariable(script, name))
      ? [name]
      : []
  })
  const removed = new Set<string>()
  const stands = new Map<number, Span>()
  for (const { asked, id } of all) {
    const name = nameOf(asked)
    if (name !== undefined && !staying.includes(name)) removed.add(name)
    else if (asked.expression !== undefined && (id !== undefined || name !== undefined))
      stands.set(asked.expression.start, asked.expression)
  }
  return { removed, stands: [...stands.values()] }
}

/** `${{ secrets.X }}` becomes a word that opens nothing. */
function stood({ start, end }: Span): Edit {
  return { start, end, text: standIn, reason: 'a word that opens nothing: the gateway adds the credential' }
}

const variableName = /^[A-Za-z_]\w{0,199}$/

/** What the script has of the job's variables; Mayfly hands on what is named. */
function variablesOf(
  file: PipelineFile,
  job: Job,
  step: StepPlan,
  removed: ReadonlySet<string>,
  words: ReadonlySet<string>,
): string[] {
  const entries = [...file.environment, ...job.environment, ...step.step.environment]
  const handedOn = job.steps.flatMap(({ commands }) =>
    commands.flatMap(({ value }) =>
      [...value.matchAll(/\b([A-Za-z_]\w{0,199})=[^\n]{0,500}>>\s*"?\$\{?GITHUB_ENV/g)].flatMap(
        ([, name]) => name ?? [],
      ),
    ),
  )
  const names = [
    ...entries
      .filter(({ value }) => !isSecretOnly(file, value?.span) && !isOwnToken(value?.value))
      .map(({ key }) => key.value),
    ...handedOn,
  ]
  const stands = step.moved.flatMap(({ asked }) =>
    asked.place === 'variable' && asked.entry !== undefined ? [asked.entry.key.value] : [],
  )
  return [...new Set([...names, ...words, ...stands])].filter(
    (name) =>
      variableName.test(name) &&
      !removed.has(name) &&
      !/^(?:MAYFLY_|(?:GITHUB|GITEA|FORGEJO)_TOKEN$|ACTIONS_)/.test(name),
  )
}

/** A secret that stays in the job’s variables is not handed on to a step; what is none by its name (a user, a host) is. */
function isSecretOnly(
  file: PipelineFile,
  span: { readonly start: number; readonly end: number } | undefined,
): boolean {
  return file.secrets.some(
    (one) =>
      within(one.span, span) &&
      (one.store === 'all' || isJobToken('github', one.name) || replacementOf(file, one) !== undefined),
  )
}

/** `${{ github.token }}`, which a step in Mayfly does without as it does without `secrets.GITHUB_TOKEN`. */
function isOwnToken(value: string | undefined): boolean {
  return value !== undefined && /^\s*\$\{\{\s*github\.token\s*\}\}\s*$/.test(value)
}
