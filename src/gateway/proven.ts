import type { Allowed, Conditions, Operation } from '../policy/index.ts'
import type { Proven } from './exchange.ts'

type AllowedOperation = Allowed & { readonly operation: Operation }

/** The first grant whose demands on what is brought are met; people are asked by whoever asks them. */
export function fittingGrant(
  one: AllowedOperation,
  proven: ((operation: Operation) => Proven) | undefined,
): AllowedOperation | { readonly unmet: string } {
  const facts = proven?.(one.operation) ?? {}
  const { grant, conditions = {}, others = [], ...rest } = one
  const why = unmetBy(conditions, facts)
  if (why === undefined) return one
  const other = others.find((further) => unmetBy(further.conditions ?? {}, facts) === undefined)
  if (other === undefined) return { unmet: `grant "${grant}" asks for \`${why.asked}\`: ${why.not}` }
  return {
    ...rest,
    grant: other.source,
    ...(other.conditions === undefined ? {} : { conditions: other.conditions }),
  }
}

function unmetBy({ commit }: Conditions, facts: Proven): { asked: string; not: string } | undefined {
  if (commit === undefined || facts.commit === 'own') return undefined
  return { asked: 'commit: own', not: facts.commit?.why ?? 'nobody knows which commit this is' }
}
