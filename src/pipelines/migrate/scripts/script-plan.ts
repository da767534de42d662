import { isNeverHandedOn } from '../../../lib/index.ts'
import type { Entry, PipelineFile, SecretReference } from '../../model.ts'
import { isJobToken, looksSecret } from '../../read/secret-names.ts'
import { commandsOf } from '../commands/words.ts'
import { impossibleIn, reachOf, readsVariable } from '../commands/index.ts'
import { isTold } from '../connections.ts'
import { within } from '../lines.ts'
import type { Host, Kept, MovedSecret, Need, Project } from '../model.ts'
import { movedIn, type Moved } from '../moved-secret.ts'
import { unfit } from '../unfit.ts'
import { isToBeNamed, readVariables } from './read-variables.ts'

/** A script whose CI has secrets in variables, as Mayfly would run it. */
export interface ScriptPlan {
  readonly needs: readonly Need[]
  readonly hosts: readonly Host[]
  readonly moved: readonly MovedSecret[]
  /** Variables that the script names: a word stands in each that opens nothing. */
  readonly stands: readonly string[]
  /** Variables of the job that had a secret, and go. */
  readonly gone: ReadonlySet<string>
  /** Variables that the step is given by name. */
  readonly named: readonly string[]
  /** Variables with their values in the file that the step is not given, since their names say that they are secrets. */
  readonly withheld: readonly string[]
  /** Connections of which the script does not show what it reaches there. */
  readonly guesses: readonly string[]
}

export type Why = Pick<Kept, 'why' | 'instead'>

/** Or why nothing of the job can be moved: `kept` says it of each secret. */
export type Planned =
  | { readonly ok: true; readonly plan: ScriptPlan }
  | { readonly ok: false; readonly kept: readonly Kept[]; readonly blocked?: Why }

export interface ScriptFacts {
  readonly file: PipelineFile
  readonly script: string
  /** The secrets that it asks for itself, or by its job’s variables. */
  readonly references: readonly SecretReference[]
  /** Variables that the file gives it: those that it may change, and those of the whole file. */
  readonly own: readonly Entry[]
  readonly above: readonly Entry[]
  /** Why it cannot be run by Mayfly, whatever it asks for. */
  readonly blocked?: Why | undefined
  readonly project: Project
}

interface Judged {
  readonly reference: SecretReference
  /** The variable that the script has it by. */
  readonly name: string
  readonly entry?: Entry
  readonly one: Moved
}

export function planScript(facts: ScriptFacts): Planned {
  const { script, project, references } = facts
  const blocked =
    facts.blocked ?? impossibleIn(script) ?? ownTokens(facts) ?? unaccounted(facts) ?? readsAll(script)
  const judged = references.map((reference) => judge(facts, reference, blocked))
  const refused = judged.flatMap(({ reference, one }) =>
    one.ok === false ? [{ span: reference.span, what: reference.name, ...whyOf(one) }] : [],
  )
  const movable = judged.flatMap((all) => (all.one.ok === true ? [{ ...all, one: all.one }] : []))
  const first = refused[0]
  if (first !== undefined || blocked !== undefined) {
    const others = movable.map(({ reference }) => ({
      span: reference.span,
      what: reference.name,
      ...(blocked ?? { why: `the job needs ${first?.what ?? ''}, too, which cannot be moved` }),
    }))
    return { ok: false, kept: [...refused, ...others], ...(blocked === undefined ? {} : { blocked }) }
  }
  const reach = reachOf(script, project)
  const stands = new Set(tokensIn(facts))
  const gone = new Set<string>()
  for (const { name, entry, one } of movable) {
    if (entry !== undefined) gone.add(entry.key.value)
    const isRead = readsVariable(script, name)
    if (isRead || (entry !== undefined && !isTold(one.replacement.id))) stands.add(name)
  }
  return {
    ok: true,
    plan: {
      needs: [...reach.needs, ...movable.flatMap(({ one }) => one.needs)],
      hosts: reach.hosts,
      moved: movable.map(({ reference, one }) => ({
        reference,
        connection: one.needs[0]?.connection ?? '',
      })),
      stands: [...stands].toSorted(),
      gone,
      named: namedBy(facts, stands, gone),
      withheld: withheldFrom(facts, gone),
      guesses: movable.flatMap(({ one }) => (one.isGuess ? (one.needs[0]?.connection ?? []) : [])),
    },
  }
}

function whyOf({ why, instead }: Why): Why {
  return { why, ...(instead === undefined ? {} : { instead }) }
}

function judge(facts: ScriptFacts, reference: SecretReference, blocked: Why | undefined): Judged {
  const { file, script, project, own } = facts
  const entry = own.find(({ value }) => within(reference.span, value?.span))
  const name = entry?.key.value ?? reference.name
  const target = entry === undefined ? assignedTo(script, name) : undefined
  const one = movedIn(file, target === undefined ? reference : { ...reference, target }, script, project)
  const why =
    reference.store === 'external'
      ? {
          why: 'the CI itself fetches it from a vault for the whole job',
          instead: 'take it out, and let a connection of Mayfly have what it is for',
        }
      : one.ok === true
        ? unfit(one, { name, isRead: readsVariable(script, name), script })
        : undefined
  const all = { reference, name, ...(entry === undefined ? {} : { entry }) }
  if (why !== undefined) return { ...all, one: { ok: false, ...why } }
  // What keeps Mayfly from running the script at all says more than that it is not understood.
  if (one.ok === false && one.isUnclear === true && blocked !== undefined)
    return { ...all, one: { ok: false, ...blocked } }
  return { ...all, one }
}

/** `TWINE_PASSWORD=$PYPI_TOKEN twine upload`, `git push https://bot:$BOT_TOKEN@...`: what takes it says what it is for. */
function assignedTo(script: string, name: string): string | undefined {
  const assigned = new RegExp(`\\b([A-Z][A-Z0-9_]{1,199})=["']?\\$\\{?${name}\\b`).exec(script)?.[1]
  const isOfGit = new RegExp(`\\bgit\\b[^\\n]{0,500}https?://[^\\s"'@/]{0,200}\\$\\{?${name}\\}?@`).test(
    script,
  )
  return isOfGit ? 'GIT_TOKEN' : assigned
}

/** Programs whose credentials the gateway leaves out and adds: a word in place of the job’s own token does no harm. */
const carried = /^(?:git|echo|printf|skopeo|crane|buildah|podman|oras|helm|glab|release-cli)$/

/** Into a file, for a program that is not seen here: a word in the token's place would stand there. */
const writesFile = /(?:^|[^0-9&])>|\btee\b/

/** Tokens that the CI makes for the job: no step has them. */
function tokensIn({ file, script }: ScriptFacts): string[] {
  return readVariables(script).filter((name) => isNeverHandedOn(name) || isJobToken(file.ci, name))
}

function ownTokens(facts: ScriptFacts): Why | undefined {
  const lines = facts.script.split('\n')
  const token = tokensIn(facts).find((name) =>
    lines.some(
      (line) =>
        readsVariable(line, name) &&
        (writesFile.test(line) || !commandsOf(line).every(({ program }) => carried.test(program))),
    ),
  )
  return token === undefined
    ? undefined
    : {
        why: `it uses the job’s own token (${token}), which no step has`,
        instead: 'a connection to that API, and its grant, take the token’s place',
      }
}

/** What looks like a secret, and is none of those that it asks for: of the whole file, or with its value in the file. */
function unaccounted(facts: ScriptFacts): Why | undefined {
  const { file, script, own, above, references } = facts
  const hidden = [...own, ...above.filter(({ key }) => readsVariable(script, key.value))].find(
    (entry) => hasSecret(facts, entry) && !references.some(({ span }) => within(span, entry.value?.span)),
  )
  if (hidden !== undefined)
    return {
      why: `its variable ${hidden.key.value} has a secret that an anchor, or the whole file, gives to more than this job`,
      instead: 'write the variable out in the job alone',
    }
  const asked = new Set(references.map(({ name }) => name))
  // Filled in the job alone with a secret that is asked for, whatever that is called.
  const mine = new Set(
    own
      .filter((entry) => references.some(({ span }) => within(span, entry.value?.span)))
      .map(({ key }) => key.value),
  )
  const one = readVariables(script).find(
    (name) =>
      looksSecret(name) &&
      !mine.has(name) &&
      !asked.has(name) &&
      !isJobToken(file.ci, name) &&
      !isNeverHandedOn(name),
  )
  return one === undefined
    ? undefined
    : {
        why: `it reads ${one}, which by its name is a secret, and which the file gives to more than this job, or has the value of`,
        instead: 'give it to the job alone; call it otherwise if it is none',
      }
}

function holdsSecret({ value }: Entry): boolean {
  return readVariables(value?.value ?? '').some(looksSecret)
}

function hasSecret({ file }: ScriptFacts, entry: Entry): boolean {
  return holdsSecret(entry) || file.secrets.some(({ span }) => within(span, entry.value?.span))
}

/** `envsubst` without a list of names fills in what no script names: a step would have nothing there. */
function readsAll(script: string): Why | undefined {
  return /\benvsubst\b(?![^\n;&|]{0,500}\$)/.test(script)
    ? {
        why: 'envsubst reads any variable of the job, and the script does not show which',
        instead: "name them: envsubst '$A $B'",
      }
    : undefined
}

/** The CI's settings may have another value for such a name, which wins over the file's: it is not handed on. */
function withheldFrom(facts: ScriptFacts, gone: ReadonlySet<string>): string[] {
  const names = [...facts.above, ...facts.own].flatMap((entry) =>
    looksSecret(entry.key.value) && !hasSecret(facts, entry) && (entry.value?.value ?? '') !== ''
      ? [entry.key.value]
      : [],
  )
  return [...new Set(names)].filter((name) => !gone.has(name))
}

function namedBy(facts: ScriptFacts, stands: ReadonlySet<string>, gone: ReadonlySet<string>): string[] {
  const given = [...facts.above, ...facts.own]
  const secret = new Set(given.filter((entry) => hasSecret(facts, entry)).map(({ key }) => key.value))
  const names = [...given.map(({ key }) => key.value), ...readVariables(facts.script)]
  return [...new Set(names)].filter(
    (name) => !stands.has(name) && !gone.has(name) && !secret.has(name) && isToBeNamed(name),
  )
}
