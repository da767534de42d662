import { preparsePolicySet, statefulIsAuthorized, validate } from '@cedar-policy/cedar-wasm/nodejs'
import { MayflyError, sha256Hex } from '../lib/index.ts'
import { actionNames, type Grant, type Operation } from './grant.ts'

/** A role's own slice of the policy, parsed once. Cedar's time grows with the policies it is handed. */
export interface CedarSlice {
  readonly id: string
  /** By Cedar policy id: the grant it came from. */
  readonly grants: ReadonlyMap<string, string>
}

const schema = {
  Mayfly: {
    entityTypes: {
      Role: {},
      Resource: {
        shape: {
          type: 'Record',
          attributes: {
            connection: { type: 'String', required: true },
            path: { type: 'String', required: true },
            ref: { type: 'String', required: true },
          },
        },
      },
    },
    actions: Object.fromEntries(
      actionNames.map((name) => [
        name,
        { appliesTo: { principalTypes: ['Role'], resourceTypes: ['Resource'] } },
      ]),
    ),
  },
}

/** Compiles a role's grants to Cedar permits. What no permit allows is denied: that is Cedar's default. */
export function compileSlice(grants: readonly Grant[]): CedarSlice {
  const policies = Object.fromEntries(grants.map((grant, i) => [`grant${i}`, permit(grant)]))
  const policySet = { staticPolicies: policies }
  const checked = validate({ schema: schema, policies: policySet })
  if (checked.type === 'failure') throw rejected(checked.errors[0]?.message)
  const [problem] = checked.validationErrors
  if (problem !== undefined) throw rejected(problem.error.message)
  const id = sha256Hex(JSON.stringify(policies))
  const parsed = preparsePolicySet(id, policySet)
  if (parsed.type === 'failure') throw rejected(parsed.errors[0]?.message)
  return { id, grants: new Map(grants.map((grant, i) => [`grant${i}`, grant.source])) }
}

/** The grant that allows the operation, or undefined. Any error in Cedar is a denial. */
export function evaluate(slice: CedarSlice, role: string, operation: Operation): string | undefined {
  const uid = { type: 'Mayfly::Resource', id: 'target' }
  const attrs = { connection: operation.connection, path: operation.path, ref: operation.ref ?? '' }
  const answer = statefulIsAuthorized({
    principal: { type: 'Mayfly::Role', id: role },
    action: { type: 'Mayfly::Action', id: operation.action },
    resource: uid,
    context: {},
    preparsedPolicySetId: slice.id,
    entities: [{ uid, attrs, parents: [] }],
  })
  if (answer.type === 'failure' || answer.response.decision !== 'allow') return undefined
  if (answer.response.diagnostics.errors.length > 0) return undefined
  return slice.grants.get(answer.response.diagnostics.reason[0] ?? '')
}

// The grammar of grants admits no quote and no backslash, so nothing written there can leave its string;
// `*` means the same in Cedar's `like` as in a grant.
function permit(grant: Grant): string {
  const conditions = [`resource.connection == "${grant.connection}"`, `resource.path like "${grant.path}"`]
  if (grant.ref !== undefined) conditions.push(`resource.ref like "${grant.ref}"`)
  return `permit(principal is Mayfly::Role, action == Mayfly::Action::"${grant.action}", resource is Mayfly::Resource) when { ${conditions.join(' && ')} };`
}

function rejected(message: string | undefined): MayflyError {
  return new MayflyError(
    'config_invalid',
    `the policy does not compile to Cedar: ${message ?? 'unknown error'}`,
  )
}
