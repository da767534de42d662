import {
  policySetTextToParts,
  policyToJson,
  preparsePolicySet,
  validate,
  type DetailedError,
} from '@cedar-policy/cedar-wasm/nodejs'
import type { ConfigProblem } from '../config/index.ts'
import { MayflyError, sha256Hex } from '../lib/index.ts'
import { actionNamed, actionsOf } from '../kinds/index.ts'
import { ask, type CedarRequest } from './cedar.ts'
import { beyondBounds } from './cedar-bounds.ts'
import { asksResource, rolesIn, scopeOf, upperCasePath, type ForbidScope } from './cedar-json.ts'
import { deadLiterals, type ForbidWorld } from './cedar-literals.ts'
import { cedarSchema } from './cedar-schema.ts'

/** What `policies/*.cedar` forbids, compiled: asked after a grant has allowed, and for every role. */
export interface Forbids {
  /**
   * Which of them forbids it; undefined if none does. An error in any of them forbids. Before the protocol has named
   * a ref, what looks at the ref has no say yet.
   */
  forbidding(request: CedarRequest, refNamed: boolean): string | undefined
}

interface Forbid {
  readonly id: string
  readonly text: string
  readonly asksRef: boolean
  readonly scope: ForbidScope
}

interface ForbidSet {
  /** Cedar's, of the set that was parsed before. */
  readonly id: string
  /** By policy id in the set: what is said of it. */
  readonly names: ReadonlyMap<string, string>
}

export type CompiledForbids =
  | { ok: true; forbids: Forbids | undefined }
  | { ok: false; problems: ConfigProblem[] }

/**
 * Compiles raw Cedar, by file name. It may only take away: a `permit` is refused, since what a role may do stands in
 * its grants, where lint, limits and the reader see it. Everything must satisfy our schema, warnings included: a
 * forbid that can never apply is one that its author believes in.
 */
export function compileForbids(files: Readonly<Record<string, string>>, world: ForbidWorld): CompiledForbids {
  const problems: ConfigProblem[] = []
  const forbids = Object.entries(files).flatMap(([file, source]) => {
    const compiled = compileFile(file, source, world)
    problems.push(...compiled.problems)
    return compiled.forbids
  })
  if (problems.length > 0) return { ok: false, problems }
  if (forbids.length === 0) return { ok: true, forbids: undefined }
  return { ok: true, forbids: createForbids(forbids) }
}

/** Cedar's time grows with the policies it is handed: it gets those whose scope names this role and this action, or any. */
function createForbids(forbids: readonly Forbid[]): Forbids {
  const sets = new Map<string, ForbidSet>()
  // Two forbids may be called alike: one line may hold several.
  const numbered = forbids.map((forbid, index) => ({ ...forbid, index }))
  return {
    forbidding(request, refNamed) {
      const { role, operation } = request
      const relevant = numbered.filter(
        ({ scope, asksRef }) =>
          (scope.role === undefined || scope.role === role) &&
          (scope.actions === undefined || scope.actions.includes(operation.action)) &&
          (refNamed || !asksRef),
      )
      if (relevant.length === 0) return undefined
      const key = relevant.map(({ index }) => index).join()
      const set = sets.get(key) ?? prepare(relevant)
      sets.set(key, set)
      return whatForbids(set, request)
    },
  }
}

function compileFile(
  file: string,
  source: string,
  world: ForbidWorld,
): { forbids: Forbid[]; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = []
  const complain = (offset: number, message: string) =>
    problems.push({ file, ...position(source, offset), message })
  const beyond = beyondBounds(source)
  if (beyond !== undefined) {
    complain(beyond.offset, `Cedar: ${beyond.message}`)
    return { forbids: [], problems }
  }
  const parts = policySetTextToParts(source)
  if (parts.type === 'failure') {
    for (const error of parts.errors) complain(startOf(error, source), `Cedar: ${messageOf(error)}`)
    return { forbids: [], problems }
  }
  if (parts.policy_templates.length > 0) complain(0, 'Cedar: templates are not read, only `forbid` policies')
  let from = 0
  const forbids = parts.policies.flatMap((text) => {
    const at = Math.max(source.indexOf(text, from), from)
    from = at + text.length
    const start = at + effectOffset(text)
    const read = compileForbid(text, world)
    for (const { offset = start - at, message } of read.problems) complain(at + offset, message)
    return [{ ...read, id: `${file}:${position(source, start).line}${read.reason}`, text }]
  })
  return { forbids, problems }
}

/** One policy: whether it may be one, and what must be known of it. */
function compileForbid(
  text: string,
  world: ForbidWorld,
): Pick<Forbid, 'asksRef' | 'scope'> & {
  problems: { offset?: number; message: string }[]
  reason: string
} {
  const none = { asksRef: false, scope: {}, reason: '' }
  const read = policyToJson(text)
  if (read.type === 'failure')
    return { ...none, problems: [{ message: `Cedar: ${read.errors.map(messageOf).join('; ')}` }] }
  const { json } = read
  if (json.effect !== 'forbid') {
    const message = 'Cedar may only forbid: what a role may do is written as its grants in mayfly.yaml'
    return { ...none, problems: [{ message }] }
  }
  const upper = upperCasePath(json)
  const problems = [
    ...schemaProblems(text),
    ...[...rolesIn(json)]
      .filter((role) => !world.roles.has(role))
      .map((role) => ({ message: `Cedar: there is no role "${role}", so this would never forbid` })),
    ...(upper === undefined
      ? []
      : [
          {
            message: `Cedar: write "${upper}" in lower case: resource.path is, since Git hosts read names so`,
          },
        ]),
    ...(scopeOf(json).actions ?? []).flatMap((action) => grantWord(action) ?? []),
    ...deadLiterals(json, scopeOf(json).actions, world).map((why) => ({ message: `Cedar: ${why}` })),
  ]
  const { reason } = (json.annotations ?? {}) as Record<string, string | null | undefined>
  const told = typeof reason === 'string' ? ` (${reason.replaceAll(/\s+/g, ' ').slice(0, 200)})` : ''
  return { problems, asksRef: asksResource(json, 'ref'), scope: scopeOf(json), reason: told }
}

/** Of an action that no operation has: a forbid of it would forbid nothing. */
function grantWord(action: string): { message: string } | undefined {
  if (actionNamed(action)?.inGrantsOnly !== true) return undefined
  const meant = actionsOf(action)
    .slice(1)
    .filter((one) => actionNamed(one)?.inGrantsOnly !== true)
  const message = `Cedar: ${action} is a word of grants, and no operation is called so: name those that it stands for (${meant.join(', ')})`
  return { message }
}

function schemaProblems(text: string): { offset: number; message: string }[] {
  const checked = validate({ schema: cedarSchema, policies: { staticPolicies: { one: text } } })
  if (checked.type === 'failure')
    return checked.errors.map((error) => ({
      offset: startOf(error, text),
      message: `Cedar: ${messageOf(error)}`,
    }))
  const errors = checked.validationErrors.map(({ error }) => error)
  const warnings = [...checked.validationWarnings.map(({ error }) => error), ...checked.otherWarnings]
  // Cedar says it once for each action that the policy is about; a warning only follows from an error.
  const byMessage = new Map(
    (errors.length > 0 ? errors : warnings).map((error) => [
      messageOf(error)
        .replace(/^for policy `one`, /, '')
        .replaceAll(/ for Mayfly::Action::"[^"]*"/g, ''),
      startOf(error, text),
    ]),
  )
  return [...byMessage].map(([message, offset]) => ({ offset, message: `Cedar: ${message}` }))
}

/** A set whose only permit allows all, so that Cedar's answer is what the forbids say. */
function prepare(forbids: readonly Forbid[]): ForbidSet {
  const policies = {
    all: 'permit(principal, action, resource);',
    ...Object.fromEntries(forbids.map(({ text }, i) => [`forbid${i}`, text])),
  }
  const id = `forbids:${sha256Hex(JSON.stringify(policies))}`
  const parsed = preparsePolicySet(id, { staticPolicies: policies })
  if (parsed.type === 'failure')
    throw new MayflyError('config_invalid', `Cedar: ${parsed.errors.map(messageOf).join('; ')}`)
  return { id, names: new Map(forbids.map((one, i) => [`forbid${i}`, one.id])) }
}

function whatForbids(set: ForbidSet, request: CedarRequest): string | undefined {
  // GitHub and GitLab read Octo/App as octo/app: another spelling must not get round a forbid.
  const operation = { ...request.operation, path: request.operation.path.toLowerCase() }
  const answer = ask(set.id, { ...request, operation })
  if (answer.allow) return undefined
  return set.names.get(answer.reason ?? '') ?? 'policies/*.cedar (it could not be evaluated)'
}

/** Where `forbid` or `permit` itself stands, behind annotations. */
function effectOffset(text: string): number {
  return Math.max(text.search(/^\s*(?:forbid|permit)\b/m), 0) + (/^\s*/.exec(text)?.[0].length ?? 0)
}

// Cedar counts bytes of UTF-8.
function startOf(error: DetailedError, text: string): number {
  const bytes = error.sourceLocations?.[0]?.start ?? 0
  return Buffer.from(text).subarray(0, bytes).toString('utf8').length
}

function messageOf(error: DetailedError): string {
  const more = error.help ?? error.sourceLocations?.[0]?.label
  return `${error.message}${more === undefined || more === null ? '' : ` (${more})`}`.replaceAll(
    /\s*\n\s*/g,
    ' ',
  )
}

function position(source: string, offset: number): { line: number; column: number } {
  const lines = source.slice(0, offset).split('\n')
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}
