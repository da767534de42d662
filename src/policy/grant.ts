import { includes } from './pattern-algebra.ts'

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

/** Per action: whether the resource needs a path, whether it names a ref, and whether it changes what is there. */
const actions = {
  'git:read': { kind: 'git', path: true, ref: false, write: false },
  'git:push': { kind: 'git', path: true, ref: true, write: true },
  'npm:install': { kind: 'npm', path: false, ref: false, write: false },
} as const

export const actionNames = Object.keys(actions)

/** Does the action change what it reaches? One that is not known is taken to. */
export function isWrite(action: string): boolean {
  return !Object.hasOwn(actions, action) || actions[action as keyof typeof actions].write
}

/** Is a grant of this action limited to refs? */
export function namesRef(action: string): boolean {
  return Object.hasOwn(actions, action) && actions[action as keyof typeof actions].ref
}

/** The kind of connection that the action is for; undefined if it is not known. */
export function kindOf(action: string): string | undefined {
  return Object.hasOwn(actions, action) ? actions[action as keyof typeof actions].kind : undefined
}

const grammar =
  /^(?<action>[a-z]+:[a-z]+) (?<connection>[a-z][a-z0-9-]*)(?:\/(?<path>[A-Za-z0-9._~@+*/-]+?))?(?:@(?<ref>refs\/[A-Za-z0-9._~+*/-]+))?$/

/**
 * Reads `action connection/path@ref`. `kinds` tells each connection's kind.
 * Returns the grant, or what is wrong with it in one line.
 */
export function parseGrant(source: string, kinds: ReadonlyMap<string, string>): Grant | string {
  const parts = grammar.exec(source)?.groups
  if (parts === undefined)
    return `grant "${source}" is not of the form "action connection/path" (git:push: "/path@refs/...")`
  const { action = '', connection = '', path, ref } = parts
  const rule = actions[action as keyof typeof actions] as (typeof actions)[keyof typeof actions] | undefined
  if (rule === undefined)
    return `grant "${source}": unknown action "${action}"; known are ${actionNames.join(', ')}`
  const kind = kinds.get(connection)
  if (kind === undefined) return `grant "${source}": there is no connection "${connection}"`
  if (kind !== rule.kind)
    return `grant "${source}": connection "${connection}" is of kind ${kind}, ${action} needs ${rule.kind}`
  if (rule.path && path === undefined)
    return `grant "${source}": say which repository: "${action} ${connection}/owner/name"`
  if (rule.ref && ref === undefined) return `grant "${source}": say which refs: "${source}@refs/heads/main"`
  if (!rule.ref && ref !== undefined) return `grant "${source}": ${action} cannot be limited to a ref`
  return { source, action, connection, path: path ?? '*', ref }
}

/**
 * Is it of the form of a grant? What a step asked for may not be: git takes more characters in a ref than we do, and
 * some of them mean something in YAML.
 */
export function isGrantText(source: string): boolean {
  return grammar.test(source)
}

/** Does one of `wide` allow all that `narrow` does? */
export function isCovered(narrow: Grant, wide: readonly Grant[]): boolean {
  return wide.some(
    (one) =>
      one.action === narrow.action &&
      one.connection === narrow.connection &&
      includes(one.path, narrow.path) &&
      includes(one.ref ?? '*', narrow.ref ?? '*'),
  )
}

/**
 * Reads an operation in words of a grant, as `describeOperation` writes it; `*` is a character like any other there,
 * so it is refused. Returns what is wrong in one line.
 */
export function parseOperation(source: string, kinds: ReadonlyMap<string, string>): Operation | string {
  if (source.includes('*')) return `operation "${source}": name one resource, without *`
  const grant = parseGrant(source, kinds)
  if (typeof grant === 'string') return grant.replace(/^grant/, 'operation')
  const { action, connection, path, ref } = grant
  return { action, connection, path: path === '*' ? '' : path, ...(ref === undefined ? {} : { ref }) }
}

/** The operation in words of a grant, as entries and tables name it. */
export function describeOperation(operation: Operation): string {
  const path = operation.path === '' ? '' : `/${operation.path}`
  const ref = operation.ref === undefined ? '' : `@${operation.ref}`
  return `${operation.action} ${operation.connection}${path}${ref}`
}

/** The grant that would allow this operation: what a denial tells its reader to add. */
export function grantFor(operation: Operation): string {
  // A registry is granted as a whole: what may come from it is the lockfile's to say.
  if (operation.action.startsWith('npm:')) return `${operation.action} ${operation.connection}`
  const needsRef = operation.action === 'git:push' && operation.ref === undefined
  return needsRef ? `${describeOperation(operation)}@refs/heads/BRANCH` : describeOperation(operation)
}
