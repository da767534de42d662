import { preparsePolicySet, statefulIsAuthorized, validate } from '@cedar-policy/cedar-wasm/nodejs'
import { compilePattern, MayflyError, sha256Hex, type Pattern } from '../lib/index.ts'
import { cedarSchema } from './cedar-schema.ts'
import { actionsOf, kindNamed, kindOf } from '../kinds/index.ts'
import { demandOf, type Grant, type Operation } from './grant.ts'
import type { TrustSubject } from './trust.ts'

/** A role's own slice of the policy, parsed once. Cedar's time grows with the policies it is handed. */
export interface CedarSlice {
  readonly id: string
  /** By Cedar policy id: the grant it came from. */
  readonly grants: ReadonlyMap<string, Grant>
  /** By `action connection`: the grants that are about it. */
  readonly about: ReadonlyMap<string, readonly Reading[]>
  /** By which grants have a pattern that fits, and for what: what Cedar said of the first such operation. */
  readonly answers: Map<string, readonly Grant[]>
}

/** A grant with its patterns. */
interface Reading {
  readonly id: string
  readonly path: Pattern
  readonly ref: Pattern | undefined
}

/** One role's grants overlap in few ways. */
const maxAnswers = 2_000

/** Who asks for what, as Cedar is asked. */
export interface CedarRequest {
  readonly role: string
  readonly operation: Operation
  readonly subject: Pick<TrustSubject, 'issuer' | 'attributes'>
}

/** Compiles a role's grants to Cedar permits. What no permit allows is denied: that is Cedar's default. */
export function compileSlice(written: readonly Grant[]): CedarSlice {
  const grants = [...written, ...written.flatMap(impliedBy)]
  const policies = Object.fromEntries(grants.map((grant, i) => [`grant${i}`, permit(grant)]))
  const id = sha256Hex(JSON.stringify(policies))
  const parsed = preparsePolicySet(id, { staticPolicies: policies })
  if (parsed.type === 'failure') throw rejected(parsed.errors[0]?.message)
  return {
    id,
    grants: new Map(grants.map((grant, i) => [`grant${i}`, grant])),
    about: readingsOf(grants),
    answers: new Map(),
  }
}

function readingsOf(grants: readonly Grant[]): ReadonlyMap<string, readonly Reading[]> {
  const about = new Map<string, Reading[]>()
  for (const [i, grant] of grants.entries()) {
    const ref = grant.ref === undefined ? undefined : compilePattern(grant.ref)
    const reading = { id: `grant${i}`, path: compilePattern(grant.path), ref }
    for (const action of actionsOf(grant.action)) {
      const key = `${action} ${grant.connection}`
      about.set(key, [...(about.get(key) ?? []), reading])
    }
  }
  return about
}

/** What its kind says that it allows besides, for which nobody is asked; told as the grant that it came from. */
function impliedBy({ source, action, connection, path }: Grant): Grant[] {
  const kind = kindOf(action)
  const implied = kind === undefined ? undefined : kindNamed(kind).implies?.(action, path)
  return implied === undefined ? [] : [{ source, connection, ref: undefined, ...implied }]
}

/**
 * Holds the permits against our schema. They differ in strings, which the schema does not look into, and in action
 * and ref: one of each stands for all. Throws `config_invalid`; the grammar of grants should not let it come to that.
 */
export function validateGrants(grants: readonly Grant[]): void {
  const samples = new Map(grants.map((grant) => [`${grant.action} ${grant.ref === undefined}`, grant]))
  const staticPolicies = Object.fromEntries(
    [...samples.values()].map((grant, i) => [`grant${i}`, permit(grant)]),
  )
  const checked = validate({ schema: cedarSchema, policies: { staticPolicies } })
  if (checked.type === 'failure') throw rejected(checked.errors[0]?.message)
  const [problem] = checked.validationErrors
  if (problem !== undefined) throw rejected(problem.error.message)
}

/**
 * The grants that allow the operation, the least demanding first. Any error in Cedar is a denial. A pipeline of Redis names ten
 * thousand keys at once: our permits ask for action, connection and two patterns alone, whoever the job is, so what fits the
 * patterns of the same grants has the same answer, and Cedar is asked once for all of it.
 */
export function evaluate(slice: CedarSlice, request: CedarRequest): readonly Grant[] {
  const { action, connection, path, ref = '' } = request.operation
  const about = `${action} ${connection}`
  const fitting = (slice.about.get(about) ?? []).filter(
    (one) => one.path.matches(path) && (one.ref === undefined || one.ref.matches(ref)),
  )
  if (fitting.length === 0) return []
  const key = `${about} ${fitting.map(({ id }) => id).join()}`
  const before = slice.answers.get(key)
  if (before !== undefined) return before
  const answer = ask(slice.id, request, {})
  const allowing = answer.allow ? answer.reasons.flatMap((id) => slice.grants.get(id) ?? []) : []
  const grants = allowing.toSorted((a, b) => demandOf(a) - demandOf(b))
  if (slice.answers.size >= maxAnswers) slice.answers.clear()
  slice.answers.set(key, grants)
  return grants
}

/** Asks a set that was parsed before. An error in any of its policies is a denial: Cedar would skip that policy, forbids too. */
export function ask(
  policySetId: string,
  { role, operation, subject }: CedarRequest,
  context = contextOf(subject),
): { allow: boolean; reason: string | undefined; reasons: readonly string[] } {
  const uid = { type: 'Mayfly::Resource', id: 'target' }
  const attrs = { connection: operation.connection, path: operation.path, ref: operation.ref ?? '' }
  const answer = statefulIsAuthorized({
    principal: { type: 'Mayfly::Role', id: role },
    action: { type: 'Mayfly::Action', id: operation.action },
    resource: uid,
    context,
    preparsedPolicySetId: policySetId,
    entities: [{ uid, attrs, parents: [] }],
  })
  if (answer.type === 'failure') return { allow: false, reason: undefined, reasons: [] }
  const { decision, diagnostics } = answer.response
  const [failed] = diagnostics.errors
  if (failed !== undefined) return { allow: false, reason: failed.policyId, reasons: [] }
  return { allow: decision === 'allow', reason: diagnostics.reason[0], reasons: diagnostics.reason }
}

function contextOf({ issuer, attributes }: CedarRequest['subject']): Record<string, string> {
  const context: Record<string, string> = { issuer }
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) context[name] = value
  return context
}

// Git takes quotes in a ref, and no backslash; with them escaped nothing can leave its string. `*` means the same in
// Cedar's `like` as in a grant.
function permit(grant: Grant): string {
  const conditions = [
    `resource.connection == "${grant.connection}"`,
    `resource.path like ${quoted(grant.path)}`,
  ]
  if (grant.ref !== undefined) conditions.push(`resource.ref like ${quoted(grant.ref)}`)
  const actions = actionsOf(grant.action).map((action) => `Mayfly::Action::"${action}"`)
  return `permit(principal is Mayfly::Role, action in [${actions.join(', ')}], resource is Mayfly::Resource) when { ${conditions.join(' && ')} };`
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

function rejected(message: string | undefined): MayflyError {
  return new MayflyError(
    'config_invalid',
    `the policy does not compile to Cedar: ${message ?? 'unknown error'}`,
  )
}
