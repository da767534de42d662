import { shown } from '../lib/index.ts'
import type { Explanation, OperationExplanation, RoleExplanation } from './explain.ts'

/** An explanation in lines for a person. */
export function explanationLines({ role, unknownRole, nearest, operation }: Explanation): string[] {
  if (unknownRole !== undefined) {
    const { known, meant } = unknownRole
    const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean "${meant}"?`
    return [`there is no role "${unknownRole.role}": ${hint}`]
  }
  return [
    ...(role === undefined ? [] : roleLines(role)),
    ...(nearest === undefined ? [] : ['', ...nearestLines(nearest)]),
    ...(operation === undefined ? [] : ['', ...operationLines(operation)]),
  ]
}

function roleLines({ role, allow, conditions }: RoleExplanation): string[] {
  const rows = conditions.map(({ claim, expected, got, holds, alternative }) => ({
    mark: holds ? 'ok' : 'NO',
    claim: alternative === undefined ? claim : `${claim} (any ${alternative + 1})`,
    expected: expected.map(shown).join(' or '),
    got: got === null ? 'nothing' : shown(got),
  }))
  const width = Math.max(...rows.map(({ claim }) => claim.length))
  return [
    `role "${role}" ${allow ? 'trusts' : 'does not trust'} this job`,
    ...rows.map(
      (row) => `  ${row.mark}  ${row.claim.padEnd(width)}  expected ${row.expected}, got ${row.got}`,
    ),
  ]
}

function nearestLines(nearest: RoleExplanation): string[] {
  if (nearest.allow)
    return [`role "${nearest.role}" trusts it: ask for that one, or change the trust of the other`]
  return [`nearest is another role:`, ...roleLines(nearest)]
}

function operationLines(one: OperationExplanation): string[] {
  const { operation, role, grant, forbiddenBy, patch } = one
  const add = patch === undefined ? [] : ['to allow it:', '', ...patch.trimEnd().split('\n')]
  if (one.shadow === true)
    return [`role "${role}" does not grant ${operation}; it passes, since the role is in shadow mode`, ...add]
  if (one.allow)
    return [`role "${role}" may ${operation}, by "${grant}"${one.asks === undefined ? '' : `, ${one.asks}`}`]
  if (forbiddenBy !== undefined)
    return [`role "${role}" may not ${operation}: forbidden by ${forbiddenBy}; no grant allows it`]
  return [`role "${role}" does not grant ${operation}`, ...add]
}
