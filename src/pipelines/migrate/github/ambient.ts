import type { Entry, PipelineFile, SecretReference } from '../../model.ts'
import type { YamlView } from '../../read/yaml-view.ts'
import { isPlain, readsVariable } from '../commands/index.ts'
import type { Edit } from '../edits.ts'
import { standIn, type Kept, type MovedSecret } from '../model.ts'
import { takeOutEntries } from '../take-out.ts'
import { holdsAddress, ofAddress } from '../unfit.ts'
import { secretsIn } from './secrets.ts'
import { servesOthers, type StepPlan } from './steps.ts'

export interface Ambient {
  readonly moved: readonly MovedSecret[]
  readonly kept: readonly Kept[]
  /** Variables that go. */
  readonly names: ReadonlySet<string>
  /** Variables that stay, with a word in the secret's place: their programs ask for one. */
  readonly stands: ReadonlySet<string>
  /** Variables that keep their secret: scripts in Mayfly are not given them. */
  readonly left: readonly string[]
  edits(above: YamlView): readonly Edit[]
}

/**
 * Secrets among the variables of a job or of the file: each of its steps has them, and so has each action. One goes if all who could
 * read it are scripts that Mayfly runs. `stranger`: a job that has the variables and is not moved at all.
 */
export function planAmbient(
  file: PipelineFile,
  view: YamlView,
  entries: readonly Entry[],
  isOf: (reference: SecretReference) => boolean,
  steps: readonly StepPlan[],
  stranger?: string,
): Ambient {
  const moved: MovedSecret[] = []
  const kept: Kept[] = []
  const names = new Set<string>()
  const words = new Map<string, SecretReference[]>()
  for (const entry of entries)
    for (const reference of secretsIn(file, entry, isOf)) {
      const name = entry.key.value
      const users = steps.filter((step) => step.use === undefined && step.blocked === undefined)
      const connection = connectionOf(reference, users)
      const isAddress = holdsAddress(name) || (reference.target === undefined && holdsAddress(reference.name))
      const why = isShared(view, name)
        ? writtenOnce
        : isAddress
          ? ofAddress.why
          : (whyNot(name, steps, connection, stranger) ??
            users
              .filter(({ needs }) => needs.some((need) => need.connection === connection))
              .flatMap((one) => servesOthers(one)?.why ?? [])[0])
      if (why === undefined && connection !== undefined) {
        moved.push({ reference, connection })
        if (isPrompting(connection)) words.set(name, [...(words.get(name) ?? []), reference])
        else names.add(name)
      } else if (why !== undefined)
        kept.push({
          span: reference.span,
          what: `secrets.${reference.name}`,
          why,
          ...(why === ofAddress.why ? { instead: ofAddress.instead } : {}),
        })
    }
  return {
    moved,
    kept,
    names,
    stands: new Set(words.keys()),
    left: entries.flatMap(({ key, ...one }) =>
      !names.has(key.value) && !words.has(key.value) && secretsIn(file, { key, ...one }, isOf).length > 0
        ? [key.value]
        : [],
    ),
    edits(above) {
      const pair = above.pair('env')
      if (pair === undefined) return []
      const stood = [...words.values()].flat().map(({ span }) => stoodAt(file.text, span))
      if (names.size === 0) return stood
      const isTaken = ({ key }: { readonly key: { readonly value: string } }) => names.has(key.value)
      return [
        ...stood,
        ...takeOutEntries(file.text, pair.value, isTaken, 'no step has this secret any more', {
          pair,
          above,
        }),
      ]
    },
  }
}

/** Clients of databases, which ask at a terminal where no password is there. */
const isPrompting = (connection: string) => /^(?:database|mysql-database|cache)$/.test(connection)

/** The expression around a secret becomes a word that opens nothing. */
function stoodAt(text: string, { start, end }: SecretReference['span']): Edit {
  return {
    start: text.lastIndexOf('${{', start),
    end: text.indexOf('}}', end) + 2,
    text: standIn,
    reason: 'a word that opens nothing: the gateway adds the credential',
  }
}

const writtenOnce = 'it is written once by an anchor and used in several places: write it out'

/** What one job loses the others would lose, too. */
function isShared(above: YamlView, name: string): boolean {
  return above.get('env').isShared || above.get('env', name).isShared
}

function whyNot(
  name: string,
  steps: readonly StepPlan[],
  connection: string | undefined,
  stranger: string | undefined,
): string | undefined {
  if (steps.some(({ reads }) => reads === name))
    return 'scripts name the variable: give it to their steps alone, and move those'
  const reader = steps.find((step) => mayRead(step, name))
  if (reader !== undefined)
    return `${reader.step.uses?.name ?? 'a script that stays outside of Mayfly'} has it among its variables, too`
  if (stranger !== undefined) return `job ${stranger}, which is not moved, has it among its variables, too`
  return connection === undefined ? 'no script shows who uses it' : undefined
}

function mayRead(step: StepPlan, name: string): boolean {
  if (step.use?.is === 'own') return true
  if (step.use !== undefined || step.blocked === undefined) return false
  return readsVariable(step.script, name) || !isPlain(step.script)
}

/** Which of what scripts reach such a secret is for. */
const families: readonly (readonly [RegExp, RegExp])[] = [
  [/AWS_/i, /^aws:/],
  [/NPM|NODE_AUTH/i, /^npm:/],
  [/PYPI|TWINE/i, /^pypi:publish/],
  [/CARGO|CRATES/i, /^cargo:/],
  [/GEM|RUBYGEMS/i, /^rubygems:/],
  [/GOOGLE|GCP|GCLOUD/i, /^gcp:/],
  [/(?:^|_)(?:GH|GITHUB|PAT)(?:_|$)/i, /^(?:github|git):/],
  [/MYSQL|MARIADB/i, /^mysql:/],
  [/REDIS/i, /^redis:/],
  [/PGPASS|POSTGRES/i, /^postgres:/],
  [/DATABASE|DB_/i, /^(?:postgres|mysql):/],
]

function connectionOf(reference: SecretReference, users: readonly StepPlan[]): string | undefined {
  const names = [reference.target ?? '', reference.name]
  const family = families.find(([name]) => names.some((one) => name.test(one)))
  if (family === undefined) return undefined
  return users.flatMap(({ needs }) => needs).find(({ action }) => family[1].test(action))?.connection
}
