import type { IssuerConfig } from '../config/index.ts'
import { profileOf } from '../identity/index.ts'
import type { IssuerFacts } from '../policy/index.ts'

/** What policy must know of an issuer, from its configuration and the profile of its kind. */
export function factsOf(config: IssuerConfig): IssuerFacts {
  const { pins, ids, claims } = profileOf(config)
  const fixed = fixedBy(config)
  // An issuer that is limited to one owner lets no stranger in, so its rules need not say it again.
  const limited = pins.some((claim) => fixed[claim] !== undefined)
  return { kind: config.kind, pins: limited ? [] : pins, ids, claims, fixed }
}

function fixedBy(config: IssuerConfig): Readonly<Record<string, string>> {
  const owner =
    config.kind === 'github-actions'
      ? config.owner_id
      : config.kind === 'gitlab'
        ? config.namespace_id
        : undefined
  return owner === undefined ? {} : { owner_id: owner }
}
