import type { Demands } from '../attest/verify/index.ts'
import { didYouMean, type NameForm, includes } from '../lib/index.ts'
import {
  actionNamed,
  actionNames,
  actionsOf,
  isWrite,
  kindNamed,
  kindOf,
  namesPath,
  namesRef,
  type KindName,
} from '../kinds/index.ts'

/** What a step asks for: one operation on one connection. `path` and `ref` are as the protocol named them. */
export interface Operation {
  readonly action: string
  readonly connection: string
  readonly path: string
  readonly ref?: string
}

/** A grant as written in a role, taken apart. `*` in `path` and `ref` stands for any characters. */
export interface Grant {
  readonly source: string
  readonly action: string
  readonly connection: string
  readonly path: string
  readonly ref: string | undefined
  readonly conditions?: Conditions
}

/** What a grant asks for besides, whenever it is used. */
export interface Conditions {
  /** A person's yes: to each operation, or once for a step. */
  readonly approval?: {
    readonly mode: 'always' | 'first'
    /** A group; those who approve the role if left out. */
    readonly approvers?: string
    readonly timeoutSeconds: number
  }
  /** What is pushed is the commit of the job's identity, or descends from it. */
  readonly commit?: 'own'
  /** What is published is what an earlier step of the run published or declared. */
  readonly artifact?: 'run'
  /** What is published has an attestation that meets this. */
  readonly provenance?: ProvenanceDemand
}

export interface ProvenanceDemand extends Demands {
  /** A file of roots that sign for others' builds; what this server signed, if it is left out. */
  readonly trusted_root?: string
}

/** Of several grants that allow something the one that asks for least is used: people last. */
export function demandOf({ conditions }: Pick<Grant, 'conditions'>): number {
  const { approval, commit, artifact, provenance } = conditions ?? {}
  const ofPeople = approval === undefined ? 0 : approval.mode === 'first' ? 10 : 20
  return ofPeople + [commit, artifact, provenance].filter((one) => one !== undefined).length
}

/** As it is written in mayfly.yaml. */
export function writtenGrant({ source, conditions }: Pick<Grant, 'source' | 'conditions'>): string {
  if (conditions === undefined) return source
  const { approval, commit, artifact, provenance } = conditions
  const { mode, approvers, timeoutSeconds = operationWaitSeconds } = approval ?? {}
  const timeout = timeoutSeconds === operationWaitSeconds ? undefined : `${timeoutSeconds}s`
  const keys = Object.entries({
    grant: JSON.stringify(source),
    approval: mode,
    approvers,
    timeout,
    commit,
    artifact,
    provenance: provenance === undefined ? undefined : writtenDemands(provenance),
  })
  return `{ ${keys.flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${value}`])).join(', ')} }`
}

/** In words, as they follow the grant. */
export function describeConditions({ approval, commit, artifact, provenance }: Conditions): string {
  const own =
    commit === undefined ? [] : ['of the commit that the job runs for, or one that descends from it']
  if (artifact !== undefined) own.push('of what an earlier step of the run published or declared')
  if (provenance !== undefined) own.push(`of what has an attestation with ${writtenDemands(provenance)}`)
  if (approval === undefined) return own.join(', ')
  const who = approval.approvers ?? 'those who approve the role'
  const when = approval.mode === 'first' ? 'the first time in a step' : 'each time'
  return [...own, `once one of ${who} has said yes, ${when}`].join(', ')
}

/** As a map of YAML on one line. */
function writtenDemands({ max_age_seconds: most, approvals, ...others }: ProvenanceDemand): string {
  const keys = Object.entries({
    ...others,
    approvals,
    max_age: most === undefined ? undefined : `${most}s`,
  })
  const written = keys.flatMap(([key, value]) => (value === undefined ? [] : [`${key}: ${flow(value)}`]))
  return `{ ${written.join(', ')} }`
}

function flow(value: unknown): string {
  if (typeof value === 'string')
    return /^[A-Za-z][\w-]*$/.test(value) && !isWord(value) ? value : JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return `{ ${Object.entries(value)
    .map(([key, one]) => `${key}: ${flow(one)}`)
    .join(', ')} }`
}

/** What YAML reads as something else than a text. */
function isWord(text: string): boolean {
  return /^(?:true|false|null|yes|no|on|off)$/i.test(text)
}

/** How long an operation waits for a person, if its grant does not say. */
export const operationWaitSeconds = 600

const shape = /^(?<action>\S+) (?<connection>[^\s/@]+)(?:\/(?<resource>\S(?:.*\S)?)|@(?<ref>\S*))?$/

/**
 * The parts of `action connection/path@ref`, or of a pattern of such grants, as they are written; undefined if it has another
 * form. A path may begin with an `@` (an npm scope); only where the kind names refs does a later one, or its own mark, end it.
 */
export function splitGrant(source: string): GrantParts | undefined {
  const parts = shape.exec(source)?.groups
  if (parts === undefined) return undefined
  const { action = '', connection = '', resource, ref } = parts
  const kind = kindOf(action)
  const hasRefs = kind === undefined || kindNamed(kind).ref !== undefined
  const at = hasRefs ? (resource?.indexOf(markOf(action), 1) ?? -1) : -1
  return at === -1
    ? { action, connection, path: resource, ref }
    : { action, connection, path: resource?.slice(0, at), ref: resource?.slice(at + 1) }
}

function markOf(action: string): '/' | '@' {
  const kind = kindOf(action)
  return (kind === undefined ? undefined : kindNamed(kind).refMark) ?? '@'
}

export interface GrantParts {
  readonly action: string
  readonly connection: string
  readonly path: string | undefined
  readonly ref: string | undefined
}

/**
 * Reads `action connection/path@ref`. `kinds` tells each connection's kind.
 * Returns the grant, or what is wrong with it in one line.
 */
export function parseGrant(source: string, kinds: ReadonlyMap<string, string>): Grant | string {
  const parts = splitGrant(source)
  if (parts === undefined)
    return `grant "${source}" is not of the form "action connection/path" (git:push: "/path@refs/...")`
  const { action, connection, path, ref } = parts
  const rule = actionNamed(action)
  if (rule === undefined) return `grant "${source}": unknown action "${action}"; ${hint(action, actionNames)}`
  const kind = kinds.get(connection)
  if (kind === undefined)
    return `grant "${source}": there is no connection "${connection}"; ${hint(connection, [...kinds.keys()])}`
  if (kind !== rule.kind)
    return `grant "${source}": connection "${connection}" is of kind ${kind}, ${action} needs ${rule.kind}`
  const { path: paths, ref: refs } = kindNamed(rule.kind)
  if (!namesPath(action) && path !== undefined)
    return `grant "${source}": ${action} is for the connection as a whole: write "${action} ${connection}"`
  if (rule.path === 'required' && path === undefined)
    return `grant "${source}": say which ${paths.noun}: "${action} ${connection}/${paths.example}"`
  if (rule.ref === 'required' && ref === undefined)
    return `grant "${source}": say which ${refs?.noun}: "${source}@${refs?.example}"`
  if (rule.ref === 'none' && ref !== undefined)
    return `grant "${source}": ${action} cannot be limited to a ${refs?.noun ?? 'ref'}`
  const unnamed = unnamedPart(parts, [rule.kind])
  if (unnamed === undefined && path !== undefined && paths.writtenOut?.is(path) === false)
    return `grant "${source}": write its ${paths.writtenOut.noun} out: "${action} ${connection}/${paths.example}"`
  return unnamed === undefined
    ? { source, action, connection, path: path ?? '*', ref }
    : `grant "${source}" ${unnamed}`
}

/**
 * Why no operation on these kinds of connection has such a path and ref, and what to write; undefined if some have.
 * A part that is left out stands for any.
 */
export function unnamedPart(
  { action, connection, path, ref }: GrantParts,
  kinds: readonly KindName[],
): string | undefined {
  const own = actionNamed(action)?.form
  const paths = own === undefined ? kinds.map((kind) => kindNamed(kind).path.form) : [own]
  const refs = kinds.flatMap((kind) => kindNamed(kind).ref?.form ?? [])
  const meant = {
    path: path === undefined ? { ok: true } : matchOrMeant(path, paths),
    ref: ref === undefined ? { ok: true } : matchOrMeant(ref, refs),
  }
  const wrong = meant.path.ok
    ? meant.ref.ok
      ? undefined
      : { is: 'ref', forms: refs }
    : { is: 'path', forms: paths }
  if (wrong === undefined) return spelledOtherwise({ action, connection, path, ref }, kinds)
  const written = { path: meant.path.ok ? path : meant.path.meant, ref: meant.ref.ok ? ref : meant.ref.meant }
  const isKnown =
    (path === undefined || written.path !== undefined) && (ref === undefined || written.ref !== undefined)
  const better = isKnown ? `: write "${describe(action, connection, written)}"` : ''
  return `could never match: its ${wrong.is} is not ${wrong.forms.map(({ rule }) => rule).join(', or ')}${better}`
}

/** A ref that each of these kinds spells in another way behind this path. */
function spelledOtherwise(
  { action, connection, path, ref }: GrantParts,
  kinds: readonly KindName[],
): string | undefined {
  if (path === undefined || ref === undefined) return undefined
  const spelled = kinds.map((kind) => kindNamed(kind).refBehind?.(path, ref) ?? ref)
  const [meant = ref] = spelled
  if (spelled.includes(ref)) return undefined
  return `could never match: its ref is spelled in another way there: write "${describe(action, connection, { path, ref: meant })}"`
}

function matchOrMeant(
  pattern: string,
  forms: readonly NameForm[],
): { ok: boolean; meant?: string | undefined } {
  if (forms.some((form) => form.possible(pattern))) return { ok: true }
  return { ok: false, meant: forms.map((form) => form.meant(pattern)).find((one) => one !== undefined) }
}

/** What was probably meant, or all that there is. */
export function hint(word: string, known: readonly string[]): string {
  const meant = didYouMean(word, known)
  return meant === undefined ? `known are ${known.join(', ')}` : `did you mean "${meant}"?`
}

/** Is it a grant that would be taken, whatever connections there are? What the log holds of older times may not be. */
export function isGrantText(source: string): boolean {
  const kind = kindOf(source.split(' ')[0] ?? '')
  const parts = kind === undefined ? undefined : splitGrant(source)
  return (
    parts !== undefined && typeof parseGrant(source, new Map([[parts.connection, kind ?? '']])) !== 'string'
  )
}

/** Why the gateway would not name an operation so; undefined if it would. */
export function unnamedOperation({ action, path, ref }: Operation): string | undefined {
  const kind = kindOf(action)
  if (kind === undefined) return `no action is called ${action}`
  const { path: paths, ref: refs } = kindNamed(kind)
  if (!namesPath(action))
    return path === '' && ref === undefined ? undefined : `${action} names nothing but its connection`
  if (!paths.form.is(path)) return `its path is not ${paths.form.rule}`
  if (ref === undefined || refs?.form.is(ref) === true) return undefined
  return `its ref is not ${refs?.form.rule ?? 'one: this action has none'}`
}

/** Does one of `wide` allow all that `narrow` does? */
export function isCovered(narrow: Grant, wide: readonly Grant[]): boolean {
  return wide.some(
    (one) =>
      actionsOf(one.action).includes(narrow.action) &&
      one.connection === narrow.connection &&
      includes(one.path, narrow.path) &&
      includes(one.ref ?? '*', narrow.ref ?? '*'),
  )
}

/**
 * Reads an operation in words of a grant, as `describeOperation` writes it; `*` is a character like any other there,
 * so it is refused. What the gateway
 * never names is refused, too: a test of it would tell nothing. Returns what is wrong in one line.
 */
export function parseOperation(source: string, kinds: ReadonlyMap<string, string>): Operation | string {
  if (source.includes('*')) return `operation "${source}": name one resource, without *`
  const grant = parseGrant(source, kinds)
  if (typeof grant === 'string') return grant.replace(/^grant/, 'operation')
  const { action, connection, path, ref } = grant
  if (path === '*' && namesNothing(action)) return { action, connection, path: '' }
  if (path === '*') return `operation "${source}": name one: "${source}/NAME"`
  return { action, connection, path, ...(ref === undefined ? {} : { ref }) }
}

/** Its operations name the connection alone. */
function namesNothing(action: string): boolean {
  const kind = kindOf(action)
  return (
    isOfConnection(action) &&
    kind !== undefined &&
    unnamedOperation({ action, connection: '', path: '' }) === undefined
  )
}

/** The operation in words of a grant, as entries and tables name it. */
export function describeOperation(operation: Operation): string {
  return describe(operation.action, operation.connection, operation)
}

function describe(
  action: string,
  connection: string,
  { path = '', ref }: { path?: string | undefined; ref?: string | undefined },
): string {
  return `${action} ${connection}${path === '' ? '' : `/${path}`}${ref === undefined ? '' : `${markOf(action)}${ref}`}`
}

/** Is it granted by the connection as a whole? Of a registry the lockfile says what may come from it. */
export function isOfConnection(action: string): boolean {
  return ['optional', 'none'].includes(actionNamed(action)?.path ?? '')
}

/**
 * The grant that would allow this operation: what a denial tells its reader to add. Where the protocol has not named the ref that
 * it needs, it ends with `...`, which no ref may have: pasted as it is, it is refused, and never a grant for something else.
 */
export function grantFor(operation: Operation): string {
  const { action, connection, ref } = operation
  if (isOfConnection(action)) return `${action} ${connection}`
  const needsRef = actionNamed(action)?.ref === 'required' && ref === undefined
  if (!needsRef) return describeOperation(operation)
  return `${describeOperation(operation)}@${kindOf(action) === 'git' ? 'refs/heads/' : ''}...`
}

/** What is to be filled in, or may be added, to a grant that a denial tells of; empty if nothing. */
export function refHint(grant: string): string {
  const { action = '', ref } = splitGrant(grant) ?? {}
  const kind = kindOf(action)
  const noun = kind === undefined ? undefined : kindNamed(kind).ref?.noun
  if (kind === undefined || noun === undefined) return ''
  if (ref?.endsWith('...') === true)
    return kind === 'git'
      ? ' (write the branch for ..., or refs/tags/ and the tag)'
      : ` (write the ${noun} for ...)`
  // Before a tag or version is named, all of them would be granted.
  const isAll = ref === undefined && namesRef(action) && isWrite(action) && !isOfConnection(action)
  const mark = markOf(action)
  return isAll
    ? ` (for some only, add ${mark} and the ${noun}, such as ${mark}${kindNamed(kind).ref?.example})`
    : ''
}

/**
 * The grants that would allow these operations, as far as they can be written as such; none that another includes.
 * One that names no ref yet is passed over: the push that followed says which.
 */
export function leastGrants(operations: readonly Operation[]): string[] {
  const named = operations.filter(
    ({ action, ref }) => !namesRef(action) || ref !== undefined || isOfConnection(action),
  )
  const wanted = new Set(named.map(grantFor))
  for (const one of named)
    for (const action of actionsOf(one.action).slice(1)) wanted.delete(grantFor({ ...one, action }))
  return [...wanted].filter(isGrantText).toSorted()
}
