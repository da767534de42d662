import type { Entry, PipelineFile, SecretReference, Span } from '../../model.ts'
import type { ViewPair, YamlView } from '../../read/yaml-view.ts'
import { isJobToken } from '../../read/secret-names.ts'
import { unknownName } from '../commands/command.ts'
import type { Edit } from '../edits.ts'
import { namesOutside } from '../lines.ts'
import type { Kept, Migration, MovedRole, MovedSecret, Project, TrustRule } from '../model.ts'
import { pinEdits } from '../pins.ts'
import { distinctNames, isGitOnly, roleOf } from '../role.ts'
import { takeOutEntries } from '../take-out.ts'
import { ambientNeeds } from './ambient-needs.ts'
import { needsOfRole } from './own-repository.ts'
import { nameOfRole } from './role-names.ts'
import { serviceNote, withheldNotes } from './run-line.ts'
import { planScript, type ScriptPlan, type Why } from './script-plan.ts'
import { wrapCommands } from './wrap-commands.ts'

/** A script of a CI whose jobs have their secrets in variables. */
export interface Place {
  /** The job, for people and for the name of the role. */
  readonly job: string
  /** What has one role: a job of several such scripts. By itself each has its own. */
  readonly unit?: string
  readonly commands: YamlView
  /** Where the name stands whose value the commands are. */
  readonly keyAt: number
  readonly references: readonly SecretReference[]
  readonly own: readonly Entry[]
  readonly above: readonly Entry[]
  /** Mappings of variables that may lose some, each with what has it. */
  readonly variables: readonly { readonly pair: ViewPair; readonly above: YamlView }[]
  readonly blocked?: Why | undefined
  /** Parts of the file that read the same variables: the step, its plugins. */
  readonly whole: readonly Span[]
  /** Who may assume a role that writes. */
  readonly trust: TrustRule
  /** What else of it is to be changed, so that it has an identity token. */
  readonly identity: readonly Edit[]
  readonly shell: string
  readonly hasServices?: boolean
  /** What is to be known of it once it is moved. */
  readonly notes?: readonly string[]
  readonly heredoc?: string
}

interface Moved {
  readonly edits: readonly Edit[]
  readonly roles: readonly MovedRole[]
  readonly moved: readonly MovedSecret[]
  readonly kept: readonly Kept[]
  readonly notes: readonly string[]
}

const nothing: Moved = { edits: [], roles: [], moved: [], kept: [], notes: [] }

function moveScript(file: PipelineFile, place: Place, role: string, project: Project): Moved {
  const script = place.commands
    .items()
    .flatMap(({ value }) => value ?? [])
    .join('\n')
  if (/\bmayfly\s+run\b/.test(script)) return nothing
  // What CircleCI puts in before any shell runs is no word of the script: nobody knows it here.
  const understood = script.replaceAll(/<<\s*[\w.]{1,200}\s*>>/g, '${{ parameter }}')
  const planned = planScript({ file, project, ...place, script: understood })
  if (!planned.ok) return { ...nothing, kept: planned.kept }
  const { plan } = planned
  if (plan.moved.length === 0 && ambientNeeds(plan).length === 0) return nothing
  const stays = (why: Why): Moved => ({
    ...nothing,
    kept: place.references
      .filter(({ name }) => !isJobToken(file.ci, name))
      .map(({ span, name }) => ({ span, what: name, ...why })),
  })
  if (place.trust.any.length === 0)
    return stays({
      why: 'no branch or tag is named that a role which writes may trust by what this CI’s tokens say',
      instead: 'let it write from one branch, by its whole name',
    })
  const left = project.stays?.get(role)
  if (left !== undefined) {
    const { kept } = stays(left)
    return kept.length > 0
      ? { ...nothing, kept }
      : { ...nothing, kept: [{ span: place.commands.span, what: place.job, ...left }] }
  }
  const needed = neededElsewhere(file, place, plan)
  if (needed !== undefined) return stays(needed)
  const by = {
    role,
    workspace: isGitOnly({ script }) ? 'checkout' : 'job',
    plan,
    server: project.server,
    shell: place.shell,
    ...(place.heredoc === undefined ? {} : { heredoc: place.heredoc }),
  } as const
  const first = project.install === undefined ? [] : [project.install]
  const wrapped = wrapCommands(file.text, place.commands, place.keyAt, by, { outside: 0, lead: [], first })
  if (wrapped === undefined)
    return stays({
      why: 'its commands are written in a form that cannot be moved as it is (an anchor, other entries between them, on one line)',
      instead: 'write each on a line of its own',
    })
  const gone = place.variables.flatMap(({ pair, above }) =>
    plan.gone.size === 0
      ? []
      : takeOutEntries(
          file.text,
          pair.value,
          ({ key }) => plan.gone.has(key.value),
          'no step has this secret any more',
          { pair, above },
        ),
  )
  return {
    edits: [...place.identity, ...gone, ...wrapped],
    roles: [
      roleOf(role, `${place.job} of ${file.path}.`, place.trust, needsOfRole(plan.needs, project), [plan]),
    ],
    moved: plan.moved,
    kept: [],
    notes: notesOf(place, plan),
  }
}

/** Why a variable that had a secret cannot go. */
function neededElsewhere({ text }: PipelineFile, place: Place, { gone }: ScriptPlan): Why | undefined {
  const taken = place.variables.flatMap(({ pair }) =>
    pair.value.pairs().filter(({ key }) => gone.has(key.value)),
  )
  if (taken.some(({ value, isMerged }) => isMerged || value.isShared))
    return { why: 'an anchor gives its variables to others, too', instead: 'write them out' }
  const without = [place.commands.span, ...taken.map(({ span }) => span)]
  const read = place.whole
    .flatMap((span) => [...namesOutside(text, span, without)])
    .find((name) => taken.some(({ key }) => key.value === name))
  return read === undefined
    ? undefined
    : {
        why: `${read} is used outside of its commands, too (a plugin, a condition)`,
        instead: 'let the script do what that does',
      }
}

function notesOf({ job, hasServices, notes = [] }: Place, plan: ScriptPlan): string[] {
  return [
    ...notes.map((note) => `${job}: ${note}`),
    ...(hasServices === true ? [`${job}: ${serviceNote}`] : []),
    ...withheldNotes(plan).map((note) => `${job}: ${note}`),
    ...ambientNeeds(plan).map(
      (connection) =>
        `${job}: what it has for ${connection} stands in no file: look for it among the CI’s variables, and delete it there if no other job needs it`,
    ),
    ...[...new Set(plan.guesses)].map(
      (connection) =>
        `${job}: what it reaches on ${connection} the script does not show; its grant names "${unknownName}", or all packages of the checkout. The first denial says what to write`,
    ),
  ]
}

/** Moves the scripts of a file, each by its own role. */
export function moveScripts(
  file: PipelineFile,
  places: readonly Place[],
  project: Project,
  notes: readonly string[],
): Migration {
  const keyOf = ({ unit, keyAt }: Place) => unit ?? `at ${keyAt}`
  const names = distinctNames(
    places.map((place) => ({ key: keyOf(place), name: nameOfRole(file, place.job) })),
    project.taken,
  )
  const done = places.map((place) => moveScript(file, place, names.get(keyOf(place)) ?? '', project))
  return migrationOf(file, done, places, notes)
}

/** What was done at all places of a file; of what nobody looked at, the secrets are told. */
function migrationOf(
  file: PipelineFile,
  all: readonly Moved[],
  places: readonly Pick<Place, 'references'>[],
  notes: readonly string[],
): Migration {
  const seen = new Set(places.flatMap(({ references }) => references.map(({ span }) => span.start)))
  const elsewhere = file.secrets
    .filter(
      ({ span, name, store }) =>
        !seen.has(span.start) && !isJobToken(file.ci, name) && store !== 'deployment',
    )
    .map(({ span, name, store }): Kept => ({
      span,
      what: name,
      ...(store === 'context'
        ? {
            why: 'the context may hold more than what is moved here',
            instead: 'take it out when no step needs a variable of it any more',
          }
        : {
            why: 'no script that Mayfly could run has it: what it is given to talks to its service by itself',
          }),
    }))
  const kept = [...all.flatMap((one) => one.kept), ...elsewhere].toSorted(
    (one, other) => one.span.start - other.span.start,
  )
  const roles = joined(all.flatMap((one) => one.roles))
  const none = { file, edits: [], roles: [], moved: [], kept, unpinned: [], notes: [] }
  if (roles.length === 0) return none
  return {
    ...none,
    edits: all.flatMap((one) => one.edits),
    roles,
    moved: all.flatMap((one) => one.moved),
    unpinned: pinEdits(file, new Map(), () => false).unpinned,
    notes: [...new Set([...all.flatMap((one) => one.notes), ...notes])],
  }
}

/** Steps of one job have one role, which has what each of them needs. */
function joined(roles: readonly MovedRole[]): MovedRole[] {
  const byName = new Map<string, MovedRole>()
  for (const role of roles) {
    const one = byName.get(role.name)
    byName.set(
      role.name,
      one === undefined
        ? role
        : {
            ...one,
            trust: { ...one.trust, any: unique([...one.trust.any, ...role.trust.any]) },
            needs: [...one.needs, ...role.needs],
            hosts: [...new Set([...one.hosts, ...role.hosts])],
          },
    )
  }
  return [...byName.values()]
}

export function unique<T>(all: readonly T[]): T[] {
  const seen = new Set<string>()
  return all.filter((one) => {
    const key = JSON.stringify(one)
    return !seen.has(key) && seen.add(key)
  })
}
