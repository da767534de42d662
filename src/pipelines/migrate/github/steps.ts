import type { Job, PipelineFile, Step } from '../../model.ts'
import { isJobToken } from '../../read/secret-names.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import { unknownName } from '../commands/command.ts'
import { impossibleIn, programsOf, reachOf, readsVariable, refsAfter } from '../commands/index.ts'
import type { Host, Kept, MadeRefs, MovedSecret, Need, Project } from '../model.ts'
import { movedIn, type Moved } from '../moved-secret.ts'
import { unfit } from '../unfit.ts'
import { actionUse, type ActionUse } from './actions.ts'
import { enteredBy, folderOf, projectAt } from './checkouts.ts'
import { ambientNames, askedBy, type Asked } from './secrets.ts'
import { shellOf, type Shell } from './shell.ts'

/** A step as it would be moved; nothing is decided yet about the job. */
export interface StepPlan {
  readonly index: number
  readonly step: Step
  readonly view: YamlView
  readonly asked: readonly Asked[]
  /** Events by which it runs, too, and which no role may trust that writes or has a secret behind it. */
  readonly others: readonly string[]
  readonly script: string
  readonly shell: Shell
  readonly use?: ActionUse
  /** Why Mayfly cannot run it. */
  readonly blocked?: Pick<Kept, 'why' | 'instead'>
  /** A variable of the job or the file with a secret, which its script names. */
  readonly reads?: string
  readonly needs: readonly Need[]
  readonly hosts: readonly Host[]
  readonly moved: readonly { readonly asked: Asked; readonly secret: MovedSecret; readonly id: string }[]
  /** The job's own token, which a step in Mayfly does without. */
  readonly jobTokens: readonly Asked[]
  readonly kept: readonly Kept[]
  readonly guesses: readonly string[]
}

export function planSteps(
  file: PipelineFile,
  root: YamlView,
  job: YamlView,
  { id, steps, environment }: Job,
  project: Project,
  eventsWithoutRole: (step: Step) => readonly string[],
): StepPlan[] {
  const views = job.get('steps').items()
  const ambient = ambientNames(file, environment)
  let made: MadeRefs | undefined
  return steps.flatMap((step, index) => {
    const view = views[index]
    if (view === undefined) return []
    const asked = askedBy(file, id, index, step)
    const entered = step.uses === undefined ? enteredBy(step) : undefined
    const here = {
      ...(entered === undefined
        ? projectAt(project, steps.slice(0, index), folderOf(root, job, view))
        : projectAt(project, [step], entered)),
      ...(made === undefined ? {} : { refs: made }),
    }
    const script = step.commands.map(({ value }) => value).join('\n')
    if (step.uses === undefined) made = refsAfter(script, made)
    return [
      step.uses === undefined
        ? planScript(
            file,
            root,
            job,
            { index, step, view, asked, others: eventsWithoutRole(step) },
            here,
            ambient,
          )
        : planAction({ index, step, view, asked, others: [] }, step.uses.name),
    ]
  })
}

type Base = Pick<StepPlan, 'index' | 'step' | 'view' | 'asked' | 'others'>

function planAction(base: Base, name: string): StepPlan {
  const use = base.step.uses?.pin === 'local' ? actionUse(`./${name}`) : actionUse(name)
  const secrets = base.asked.filter(({ reference }) => !isJobToken('github', reference.name))
  const kept =
    use.is === 'own'
      ? secrets.map(({ reference }): Kept => ({
          span: reference.span,
          what: `secrets.${reference.name}`,
          why: `${name} takes it and talks to its service by itself, outside of Mayfly`,
          instead: use.instead,
        }))
      : []
  return {
    ...base,
    use,
    script: '',
    shell: 'other',
    needs: [],
    hosts: [],
    moved: [],
    jobTokens: [],
    kept,
    guesses: [],
  }
}

function planScript(
  file: PipelineFile,
  root: YamlView,
  job: YamlView,
  base: Base,
  project: Project,
  ambient: readonly string[],
): StepPlan {
  const script = base.step.commands.map(({ value }) => value).join('\n')
  const shell = shellOf(root, job, base.view)
  const reads = ambient.find(
    (name) => readsVariable(script, name) && !base.step.environment.some(({ key }) => key.value === name),
  )
  const blocked = blockedBy(base, shell, script) ?? (reads === undefined ? undefined : readsAmbient(reads))
  const reach = reachOf(script, project)
  const deployed = cloudNeeds(script, ambient)
  const judged = base.asked.map((asked) => ({
    asked,
    one: judge(file, asked, script, blocked ?? servesOthers(base), project),
  }))
  const kept = judged.flatMap(({ asked, one }) => (one.ok === false ? [keptSecret(asked, one)] : []))
  const movable = judged.flatMap(({ asked, one }) => (one.ok === true ? [{ asked, one }] : []))
  const plan = {
    ...base,
    script,
    shell,
    ...(reads === undefined ? {} : { reads }),
    needs: [...reach.needs, ...deployed],
    hosts: reach.hosts,
    moved: [],
    jobTokens: [],
    guesses: [],
  }
  const first = kept[0]
  if (first !== undefined) {
    const why = `the step needs ${first.what}, too, which cannot be moved`
    const others = movable.map(({ asked }) => keptSecret(asked, { why }))
    return { ...plan, kept: [...kept, ...others], blocked: blocked ?? { why: `it needs ${first.what}` } }
  }
  return {
    ...plan,
    ...(blocked === undefined ? {} : { blocked }),
    needs: [...plan.needs, ...movable.flatMap(({ one }) => one.needs)],
    moved: movable.map(({ asked, one }) => ({
      asked,
      secret: { reference: asked.reference, connection: one.needs[0]?.connection ?? '' },
      id: one.replacement.id,
    })),
    jobTokens: judged.flatMap(({ asked, one }) => (one.ok === 'stays' && one.isJobToken ? [asked] : [])),
    kept: [],
    guesses: [
      ...deployed.map(({ connection }) => connection),
      ...movable.flatMap(({ one }) => (one.isGuess ? (one.needs[0]?.connection ?? []) : [])),
    ],
  }
}

/** Without its secret it would fail where it did its work before: GitHub's tokens do not tell a fork's pull request from others. */
export function servesOthers({ others }: Pick<StepPlan, 'others'>): StepPlan['blocked'] {
  return others.length === 0
    ? undefined
    : {
        why: `its step runs when ${others.join(' or ')} starts it, too, where no role that has a secret behind it is given, and would fail then`,
        instead: `let it run for pushes alone (if: github.event_name == 'push'), or give that a job of its own`,
      }
}

function readsAmbient(name: string): StepPlan['blocked'] {
  return {
    why: `it reads ${name}, a secret that all steps of the job have`,
    instead: 'give it to that step alone (`env:` of the step)',
  }
}

/** Tools that work on a cloud by what files of theirs say: which calls, the script does not show. */
function cloudNeeds(script: string, ambient: readonly string[]): Need[] {
  const isDeploying = programsOf(script).some((one) =>
    /^(?:terraform|tofu|terragrunt|pulumi|cdk|sam|serverless|sls|eksctl|packer)$/.test(one),
  )
  return isDeploying && ambient.some((name) => name.startsWith('AWS_'))
    ? [{ connection: 'aws', action: 'aws:call', path: `s3:PutObject/${unknownName}`, writes: true }]
    : []
}

function judge(
  file: PipelineFile,
  asked: Asked,
  script: string,
  blocked: StepPlan['blocked'],
  project: Project,
): Moved {
  const { reference } = asked
  const one = movedIn(
    file,
    isOfGit(reference.name, script) ? { ...reference, target: 'GIT_TOKEN' } : reference,
    script,
    project,
  )
  // What keeps Mayfly from running the script at all says more than that it is not understood.
  if (one.ok === false && one.isUnclear === true && blocked !== undefined) return { ok: false, ...blocked }
  if (one.ok !== true) return one
  const why = blocked ?? unfitHere(asked, one, script, file)
  return why === undefined ? one : { ok: false, ...why }
}

/** `git clone https://bot:${{ secrets.X }}@...`: what takes it says what it is for. */
function isOfGit(name: string, script: string): boolean {
  if (!/^[\w-]{1,200}$/.test(name)) return false
  return new RegExp(
    `\\bgit\\b[^\\n]{0,500}https?://[^\\s"'@/]{0,200}\\$\\{\\{\\s*secrets\\.${name}\\s*\\}\\}@`,
    'i',
  ).test(script)
}

function keptSecret({ reference }: Asked, { why, instead }: Pick<Kept, 'why' | 'instead'>): Kept {
  return {
    span: reference.span,
    what: `secrets.${reference.name}`,
    why,
    ...(instead === undefined ? {} : { instead }),
  }
}

function blockedBy({ view, step, asked }: Base, shell: Shell, script: string): StepPlan['blocked'] {
  if (shell === 'other')
    return { why: 'its shell is neither bash nor sh', instead: 'call its program from bash: python3 file.py' }
  if (shell === 'login')
    return {
      why: 'its shell is a login shell, which reads what actions wrote into the home folder: a step has a home of its own',
      instead: 'say in the script what it needs of it, and leave -l out',
    }
  const impossible = impossibleIn(script)
  if (impossible !== undefined) return impossible
  const run = view.pair('run')
  if (
    run === undefined ||
    run.isMerged ||
    view.pair('shell')?.isMerged === true ||
    view.isShared ||
    step.commands.some(({ via }) => via !== undefined) ||
    asked.some(({ entry }) => entry !== undefined && view.get('env', entry.key.value).isShared)
  )
    return {
      why: 'it is written once by an anchor and used in several places',
      instead: 'write it out where it is used',
    }
  return undefined
}

/** Why the secret cannot go from this step although its connection is known. */
function unfitHere(
  { reference, entry, place, expression }: Asked,
  one: Extract<Moved, { ok: true }>,
  script: string,
  file: PipelineFile,
): StepPlan['blocked'] {
  const name = entry?.key.value
  const isRead = place === 'command' || (name !== undefined && readsVariable(script, name))
  const why = unfit(one, { name: name ?? reference.name, isRead, script })
  if (why !== undefined) return why
  if (name !== undefined && asksFor(file, name))
    return {
      why: `an \`if\` asks whether env.${name} is there`,
      instead: 'let the condition ask for the event or the ref',
    }
  if ((place === 'variable' || place === 'command') && expression === undefined)
    return {
      why: 'the place of its expression is not sure (signs that YAML escapes, a brace that is missing)',
      instead: 'write the text as a block (|), or without quotes',
    }
  if (place === 'elsewhere')
    return {
      why: `it is used in a place where only the CI itself reads it (${reference.target ?? 'an expression'})`,
    }
  return undefined
}

function asksFor({ jobs }: PipelineFile, name: string): boolean {
  const conditions = jobs.flatMap((job) => [job.condition, ...job.steps.map(({ condition }) => condition)])
  return conditions.some(
    (one) => one !== undefined && new RegExp(`\\benv(?:\\.|\\[')${name}\\b`).test(one.value),
  )
}
