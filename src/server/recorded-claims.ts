import type { Identity } from '../identity/index.ts'
import { namedClaims } from '../policy/index.ts'
import type { Rules } from './rules.ts'

/** The raw claims that go into the record: only what some rule looks at, since the rest of a token may be about a person. */
export function recordedClaims(rules: Rules, identity: Identity): Readonly<Record<string, string>> {
  const trusts = [...rules.policy.roles.values()].map(({ trust }) => trust)
  return namedClaims(trusts, identity)
}
