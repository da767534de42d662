import type { IssuerConfig } from '../config/index.ts'
import { limitsOf, pinsOf, profileOf } from '../identity/index.ts'
import type { IssuerFacts } from '../policy/index.ts'

/** What policy must know of an issuer, from its configuration and the profile of its kind. */
export function factsOf(config: IssuerConfig): IssuerFacts {
  const { ids, claims, forms, documented = {}, derived = [] } = profileOf(config)
  const fixed = Object.fromEntries(limitsOf(config).map(({ attribute, expected }) => [attribute, expected]))
  return { kind: config.kind, pins: pinsOf(config), ids, claims, derived, forms, documented, fixed }
}
