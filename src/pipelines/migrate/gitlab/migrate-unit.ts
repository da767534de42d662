import type { PipelineFile, SecretReference, Span } from '../../model.ts'
import { isJobToken } from '../../read/secret-names.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import { unknownName } from '../commands/command.ts'
import { readsVariable } from '../commands/index.ts'
import type { Edit } from '../edits.ts'
import { beginsLine, within } from '../lines.ts'
import type { Kept, MovedRole, MovedSecret, Project } from '../model.ts'
import { isGitOnly, roleOf } from '../role.ts'
import { ambientNeeds } from '../scripts/ambient-needs.ts'
import { needsOfRole } from '../scripts/own-repository.ts'
import { planScript, type ScriptPlan, type Why } from '../scripts/script-plan.ts'
import { serviceNote, withheldNotes } from '../scripts/run-line.ts'
import { wrapCommands } from '../scripts/wrap-commands.ts'
import { takeOutEntries } from '../take-out.ts'
import { commandsOf, type UnitCommands } from './commands-of-unit.ts'
import { neededElsewhere } from './needed-elsewhere.ts'
import { idTokenEdits, tokenName } from './id-tokens.ts'
import { pipelineRules, variablesBeside, whyNotAlone, type Beside } from './beside.ts'
import { jobCondition } from './condition.ts'
import { startsOf } from './rules.ts'
import type { TopLevel } from './top-level.ts'
import { readingStarts, writingStarts, type Trusted } from './trust.ts'
import { lookUp, ownVariables, variablesIn, variablesOfRules, type Unit } from './unit.ts'

export interface UnitMigration {
  readonly edits: readonly Edit[]
  readonly roles: readonly MovedRole[]
  readonly moved: readonly MovedSecret[]
  readonly kept: readonly Kept[]
  readonly notes: readonly string[]
  /** Secrets of which something was said. */
  readonly seen: readonly SecretReference[]
}

/** Moves the commands of one job, or of a template with all jobs that run them. */
export function migrateUnit(
  file: PipelineFile,
  root: TopLevel,
  unit: Unit,
  units: readonly Unit[],
  beside: readonly Beside[],
  project: Project,
  role: string,
): UnitMigration {
  const commands = commandsOf(file.text, root, unit)
  const seen = secretsOf(file, unit, commands)
  const stays = (why: Why): UnitMigration => ({
    edits: [],
    roles: [],
    moved: [],
    kept: seen
      .filter(({ name }) => !isJobToken(file.ci, name))
      .map(({ span, name }) => ({ span, what: name, ...why })),
    notes: [],
    seen,
  })
  if (typeof commands === 'string') return stays({ why: commands, instead: 'write them out in the job' })
  const script = commands.inside.join('\n')
  if (/\bmayfly\s+run\b/.test([...commands.outside, script].join('\n')))
    return { ...stays({ why: '' }), kept: [] }
  const planned = planScript({
    file,
    script,
    references: seen,
    own: [unit.view, ...unit.users.map(({ view }) => view)].flatMap(ownVariables),
    above: [
      ...[root, ...ancestors(root, unit)].flatMap((view) => variablesIn(view.get('variables'))),
      ...variablesOfRules(root, unit),
      ...variablesBeside(beside),
    ],
    blocked: whyNotAlone(root, unit, beside) ?? blockedBy(file, root, unit, units, beside, commands, seen),
    project,
  })
  if (!planned.ok) return { ...stays({ why: '' }), kept: planned.kept }
  const { plan } = planned
  if (plan.moved.length === 0 && !bringsItsOwn(root, unit, plan)) return { ...stays({ why: '' }), kept: [] }
  const elsewhere = neededElsewhere(file, root, unit, commands, plan)
  if (elsewhere !== undefined) return stays(elsewhere)
  // GitLab gave what is in a secret’s place, if it is protected, to protected refs alone.
  const writes = plan.moved.length > 0 || plan.needs.some((need) => need.writes)
  const trusted = trustOf(root, unit, beside, project, writes)
  if (trusted.any.length === 0)
    return stays({
      why:
        trusted.left.length === 0
          ? 'its rules ask for what a role’s trust cannot say'
          : `only ${trusted.left.join(', ')} starts it, and no role that writes, or takes a secret’s place, may trust what nobody has reviewed`,
      instead: 'let it write from a protected branch or tag',
    })
  const left = project.stays?.get(role)
  if (left !== undefined) return staying(stays(left), unit, left)
  const workspace = isGitOnly({ script }) ? 'checkout' : 'job'
  const by = { role, workspace, plan, server: project.server, shell: '' } as const
  const led = {
    ...commands.led,
    first: [...(project.install === undefined ? [] : [project.install]), ...commands.led.first],
  }
  const wrapped = wrapCommands(file.text, unit.script.value, unit.script.span.start, by, led)
  if (wrapped === undefined)
    return stays({
      why: 'its commands are written in a form that cannot be moved as it is (on one line with the job, with signs that YAML escapes)',
      instead: 'write each on a line of its own',
    })
  return {
    edits: [
      ...idTokenEdits(
        file.text,
        unit.view,
        unit.script.span.start,
        project.server,
        tokensOfAll(root, unit, beside),
      ),
      ...commands.edits,
      ...variableEdits(file.text, unit, plan),
      ...wrapped,
    ],
    roles: [
      roleOf(
        role,
        `${describe(unit)} of ${file.path}.`,
        {
          all: { issuer: 'gitlab', repository_id: project.repository.id ?? 'REPOSITORY_ID' },
          any: trusted.any,
        },
        needsOfRole(plan.needs, project),
        [plan],
      ),
    ],
    moved: plan.moved,
    kept: [],
    notes: [
      ...notesOf(unit, plan, trusted, commands),
      ...(hasServices(root, unit) ? [`job ${unit.home}: ${serviceNote}`] : []),
    ],
    seen,
  }
}

/** Said of the job, where its secrets stand in no file. */
function staying(one: UnitMigration, { home, pair }: Unit, why: Why): UnitMigration {
  return one.kept.length > 0 ? one : { ...one, kept: [{ span: pair.key.span, what: `job ${home}`, ...why }] }
}

function describe({ home, users }: Unit): string {
  const names = users.map(({ job }) => job.id)
  return names.length === 1 && names[0] === home ? `Job ${home}` : `${home}, for ${names.join(', ')}`
}

function ancestors(root: TopLevel, unit: Unit): YamlView[] {
  const names = new Set(unit.users.flatMap(({ chain }) => chain))
  for (const own of [unit.home, ...unit.users.map(({ job }) => job.id)]) names.delete(own)
  return [...names].map((name) => root.get(name))
}

/** By the place where they stand: what an anchor or template shares is written once. */
function secretsOf(file: PipelineFile, unit: Unit, commands: UnitCommands | string): SecretReference[] {
  const spans: Span[] = [
    unit.pair.span,
    ...unit.users.map(({ pair }) => pair.span),
    ...(typeof commands === 'string' ? [] : commands.places),
  ]
  const tokens = new Set(
    unit.users.flatMap(({ job }) => job.identityTokens.flatMap(({ name }) => name ?? [])),
  )
  return file.secrets.filter(({ span, name }) => !tokens.has(name) && spans.some((one) => within(span, one)))
}

function blockedBy(
  file: PipelineFile,
  root: TopLevel,
  unit: Unit,
  units: readonly Unit[],
  beside: readonly Beside[],
  commands: UnitCommands,
  seen: readonly SecretReference[],
): Why | undefined {
  const labels = unit.users.flatMap(({ job }) => job.runner?.labels ?? [])
  const other = labels.find((label) => /windows|macos|mac-os|powershell/i.test(label))
  if (other !== undefined)
    return {
      why: `it runs on ${other}: Mayfly’s sandbox is Linux’s`,
      instead: 'give what has secrets a job on Linux',
    }
  const missing = unit.users.flatMap(({ chain }) => chain).find((name) => !root.get(name).isMap)
  if (missing !== undefined)
    return {
      why: `it extends ${missing}, which another file has`,
      instead: 'write it out, or move that file',
    }
  const script = commands.inside.join('\n')
  const tokens = unit.users.flatMap(({ job }) => job.identityTokens.flatMap(({ name }) => name ?? []))
  const token = tokens.find((name) => name !== tokenName && readsVariable(script, name))
  if (token !== undefined)
    return { why: `it uses another identity token (${token}), and needs no key for that` }
  // A job that has the same commands by an anchor, and tokens of its own, would lose Mayfly’s.
  if (
    unit.users.some(
      ({ job, view }) =>
        job.id !== unit.home && view.pair('id_tokens')?.isMerged === false && !view.get('extends').isThere,
    )
  )
    return {
      why: 'it has identity tokens of its own beside commands that an anchor brings',
      instead: 'use extends',
    }
  const outside = seen.find(({ span }) => !isInside(span, unit, commands, units))
  if (outside !== undefined)
    return {
      why: `${outside.name} is used where only GitLab itself, or a shell of its own, reads it (after_script, services, artifacts)`,
      instead: 'let the script do it',
    }
  const allAsked = [root.asked, ...beside.map((one) => one.root.asked)].join('\n')
  const asked = seen.find(({ name, target }) =>
    [name, target].some((one) => one !== undefined && readsVariable(allAsked, one)),
  )
  return asked === undefined
    ? undefined
    : { why: `a rule asks whether ${asked.name} is there`, instead: 'let the rule ask for the branch or tag' }
}

function isInside(span: Span, unit: Unit, { places }: UnitCommands, units: readonly Unit[]): boolean {
  const own = [unit.view, ...unit.users.map(({ view }) => view)]
  const variables = own.flatMap((view) => view.pair('variables')?.value.span ?? [])
  // What another unit has is said there.
  const foreign = units.filter((one) => one !== unit).map(({ script }) => script.value.span)
  return [...places, ...variables, ...foreign].some((one) => within(span, one))
}

/** Commands that write, of a job whose credentials are in no file: variables of the project that it does not name. */
function bringsItsOwn(root: TopLevel, unit: Unit, plan: ScriptPlan): boolean {
  const hasTokens = unit.users.some(
    ({ job }) => job.identityTokens.length > 0 || lookUp(root, job.id, 'secrets').isMap,
  )
  return !hasTokens && ambientNeeds(plan).length > 0
}

function trustOf(
  root: TopLevel,
  { users }: Unit,
  beside: readonly Beside[],
  { repository }: Project,
  writes: boolean,
): Trusted {
  const { defaultBranch } = repository
  const pipeline = pipelineRules(root, beside)
  const all = users.map(({ job }) => {
    const own = startsOf(lookUp(root, job.id, 'rules'), lookUp(root, job.id, 'only'), defaultBranch)
    const starts = own ?? startsOf(pipeline[0] ?? root.nothing, root.nothing, defaultBranch)
    const condition = jobCondition(root, job.id, { repository, isGuarded: writes }, pipeline)
    const { any, left, wider } = writes
      ? writingStarts(starts, defaultBranch, condition)
      : readingStarts(starts, condition)
    const place = job.deployment?.value
    const named = place === undefined || /[$[]/.test(place) ? {} : { environment: place }
    return { any: any.map((one) => ({ ...one, ...named })), left, wider }
  })
  return {
    any: all.flatMap(({ any }) => any),
    left: [...new Set(all.flatMap(({ left }) => left))],
    wider: all.flatMap(({ wider }) => wider),
  }
}

function tokensOfAll(root: TopLevel, { users }: Unit, beside: readonly Beside[]): YamlView {
  const isMore = users.some(({ job }) => lookUp(root, job.id, 'id_tokens').isMap)
  if (isMore) return root.nothing
  const all = [root, ...beside.map((one) => one.root)].map((one) => one.get('default', 'id_tokens'))
  return all.find(({ isMap }) => isMap) ?? root.nothing
}

function variableEdits(text: string, unit: Unit, { gone }: ScriptPlan): Edit[] {
  const views = [unit.view, ...unit.users.filter(({ job }) => job.id !== unit.home).map(({ view }) => view)]
  return views.flatMap((above) => {
    const pair = above.pair('variables')
    if (pair === undefined || pair.isMerged || gone.size === 0) return []
    if (!beginsLine(text, pair.span.start)) return []
    return takeOutEntries(
      text,
      pair.value,
      ({ key }) => gone.has(key.value),
      'no job has this secret any more',
      { pair, above },
    )
  })
}

function hasServices(root: TopLevel, { users }: Unit): boolean {
  const shared = [root.get('default', 'services'), root.get('services')]
  return [...users.map(({ job }) => lookUp(root, job.id, 'services')), ...shared].some(
    (one) => one.items().length > 0,
  )
}

function notesOf(unit: Unit, plan: ScriptPlan, trusted: Trusted, { outside }: UnitCommands): string[] {
  const where = `job ${unit.home}`
  return [
    ...trusted.left.map((event) => `${where}: when it is started by ${event}, the role is not given`),
    ...(trusted.any.some(({ ref }) => ref?.startsWith('refs/tags/') === true)
      ? [`${where}: its tags must be protected (Settings, Repository, Protected tags)`]
      : []),
    ...[...new Set(trusted.wider.map(({ ref, than }) => `${than} ${ref}`))].map((one) => {
      const [than = '', ref = ''] = one.split(' ')
      return `${where}: its role has any protected ${ref.replace(/^refs\/(?:heads|tags)\//, '')}, which is more than ${than} of its rules: protect no other (${ref})`
    }),
    ...(outside.length > 0
      ? [
          `${where}: what puts tools into its image stays in front of Mayfly, and could use the job’s identity token`,
        ]
      : []),
    ...withheldNotes(plan).map((note) => `${where}: ${note}`),
    ...ambientNeeds(plan).map(
      (connection) =>
        `${where}: what it has for ${connection} stands in no file: look for it among the variables of project and group, and delete it there if no other job needs it`,
    ),
    ...[...new Set(plan.guesses)].map(
      (connection) =>
        `${where}: what it reaches on ${connection} the script does not show; its grant names "${unknownName}", or all packages of the checkout. The first denial says what to write`,
    ),
  ]
}
