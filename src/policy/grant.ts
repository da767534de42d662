import { didYouMean, type NameForm, includes } from '../lib/index.ts'
import { namesOf, type KindNames } from './names.ts'

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
}

interface ActionRule {
  readonly kind: Kind
  /** Does the resource need a path, does it name a ref, does the action change what is there? */
  readonly path: boolean
  readonly ref: boolean
  readonly write: boolean
  /** What a grant of this action allows besides: whoever may rewrite a ref may move it forward, too. */
  readonly includes?: readonly string[]
}

const actions: Readonly<Record<string, ActionRule>> = {
  'git:read': { kind: 'git', path: true, ref: false, write: false },
  // Creates refs, and moves branches forward only: what is there stays reachable.
  'git:push': { kind: 'git', path: true, ref: true, write: true },
  'git:force': { kind: 'git', path: true, ref: true, write: true, includes: ['git:push'] },
  'git:delete': { kind: 'git', path: true, ref: true, write: true },
  'npm:install': { kind: 'npm', path: false, ref: false, write: false },
}

export const actionNames = Object.keys(actions)

/** What a grant of this action allows, itself first. */
export function actionsOf(action: string): readonly string[] {
  return [action, ...(ruleOf(action)?.includes ?? [])]
}

function ruleOf(action: string): ActionRule | undefined {
  return Object.hasOwn(actions, action) ? actions[action] : undefined
}

/** Does the action change what it reaches? One that is not known is taken to. */
export function isWrite(action: string): boolean {
  return ruleOf(action)?.write ?? true
}

/** Is a grant of this action limited to refs? */
export function namesRef(action: string): boolean {
  return ruleOf(action)?.ref ?? false
}

export type Kind = keyof typeof namesOf

export const kinds = Object.keys(namesOf) as readonly Kind[]

/** The kind of connection that the action is for; undefined if it is not known. */
export function kindOf(action: string): Kind | undefined {
  return ruleOf(action)?.kind
}

/** `action connection/path@ref` taken apart; nothing of it is checked. A path may hold an `@` (an npm scope). */
const shape = /^(?<action>\S+) (?<connection>[^\s/@]+)(?:\/(?<path>\S+?))?(?:@(?<ref>refs(?:\/\S*)?))?$/

/** The parts of a grant, or of a pattern of grants, as they are written; undefined if it has another form. */
export function splitGrant(source: string): GrantParts | undefined {
  const parts = shape.exec(source)?.groups
  if (parts === undefined) return undefined
  const { action = '', connection = '', path, ref } = parts
  // Behind its first character no path has an `@`: with `@main` somebody means a ref.
  const at = ref === undefined ? (path?.lastIndexOf('@') ?? -1) : -1
  return at < 1
    ? { action, connection, path, ref }
    : { action, connection, path: path?.slice(0, at), ref: path?.slice(at + 1) }
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
  const rule = ruleOf(action)
  if (rule === undefined) return `grant "${source}": unknown action "${action}"; ${hint(action, actionNames)}`
  const kind = kinds.get(connection)
  if (kind === undefined)
    return `grant "${source}": there is no connection "${connection}"; ${hint(connection, [...kinds.keys()])}`
  if (kind !== rule.kind)
    return `grant "${source}": connection "${connection}" is of kind ${kind}, ${action} needs ${rule.kind}`
  if (rule.path && path === undefined)
    return `grant "${source}": say which repository: "${action} ${connection}/owner/name"`
  if (rule.ref && ref === undefined) return `grant "${source}": say which refs: "${source}@refs/heads/main"`
  if (!rule.ref && ref !== undefined) return `grant "${source}": ${action} cannot be limited to a ref`
  const unnamed = unnamedPart(parts, [rule.kind])
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
  kinds: readonly Kind[],
): string | undefined {
  const forms: readonly KindNames[] = kinds.map((kind) => namesOf[kind])
  const paths = forms.map((form) => form.path)
  const refs = forms.flatMap((form) => form.ref ?? [])
  const meant = {
    path: path === undefined ? { ok: true } : matchOrMeant(path, paths),
    ref: ref === undefined ? { ok: true } : matchOrMeant(ref, refs),
  }
  const wrong = meant.path.ok
    ? meant.ref.ok
      ? undefined
      : { is: 'ref', forms: refs }
    : { is: 'path', forms: paths }
  if (wrong === undefined) return undefined
  const written = { path: meant.path.ok ? path : meant.path.meant, ref: meant.ref.ok ? ref : meant.ref.meant }
  const isKnown =
    (path === undefined || written.path !== undefined) && (ref === undefined || written.ref !== undefined)
  const better = isKnown ? `: write "${describe(action, connection, written)}"` : ''
  return `could never match: its ${wrong.is} is not ${wrong.forms.map(({ rule }) => rule).join(', or ')}${better}`
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
  const { path: paths, ref: refs }: KindNames = namesOf[kind]
  if (!paths.is(path)) return `its path is not ${paths.rule}`
  if (ref === undefined || refs?.is(ref) === true) return undefined
  return `its ref is not ${refs?.rule ?? 'one: this action has none'}`
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
  if (path === '*') return `operation "${source}": name one package: "${source}/NAME"`
  return { action, connection, path, ...(ref === undefined ? {} : { ref }) }
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
  return `${action} ${connection}${path === '' ? '' : `/${path}`}${ref === undefined ? '' : `@${ref}`}`
}

/** The grant that would allow this operation: what a denial tells its reader to add. */
export function grantFor(operation: Operation): string {
  // A registry is granted as a whole: what may come from it is the lockfile's to say.
  if (operation.action.startsWith('npm:')) return `${operation.action} ${operation.connection}`
  const needsRef = namesRef(operation.action) && operation.ref === undefined
  return needsRef ? `${describeOperation(operation)}@refs/heads/BRANCH` : describeOperation(operation)
}

/**
 * The grants that would allow these operations, as far as they can be written as such; none that another includes.
 * One that names no ref yet is passed over: the push that followed says which.
 */
export function leastGrants(operations: readonly Operation[]): string[] {
  const named = operations.filter(({ action, ref }) => !namesRef(action) || ref !== undefined)
  const wanted = new Set(named.map(grantFor))
  for (const one of named)
    for (const action of actionsOf(one.action).slice(1)) wanted.delete(grantFor({ ...one, action }))
  return [...wanted].filter(isGrantText).toSorted()
}
