import { splitGrant } from '../policy/index.ts'
import { secretReferences, type RulesHolder } from '../rules/index.ts'

/** Who may use a secret by the policy in force. */
export interface SecretUses {
  /** Where the policy names it: `connections.git`. */
  readonly places: readonly string[]
  /** Roles with grants on those connections. */
  readonly roles: readonly { readonly role: string; readonly grants: readonly string[] }[]
}

/** Reads the policy once, for any number of secrets. */
export function secretUses(rules: RulesHolder): (name: string) => SecretUses {
  if (!rules.loaded) return () => ({ places: [], roles: [] })
  const { document } = rules.current()
  const references = secretReferences(document)
  return (name) => {
    const places = references.get(name) ?? []
    const roles = Object.entries(document.roles).flatMap(([role, { grants }]) => {
      const used = grants
        .map((one) => (typeof one === 'string' ? one : one.grant))
        .filter((grant) => places.includes(`connections.${splitGrant(grant)?.connection}`))
      return used.length === 0 ? [] : [{ role, grants: used }]
    })
    return { places, roles }
  }
}
