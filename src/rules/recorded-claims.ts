import { isPersonalClaim, recordedClaim } from '../broker/index.ts'
import type { Identity } from '../identity/index.ts'
import type { Mismatch } from '../policy/index.ts'
import type { Rules } from './compile-rules.ts'

/** The raw claims that go into the record: only what some rule looks at, and what is a person's sealed. */
export function recordedClaims(rules: Rules, identity: Identity): Readonly<Record<string, unknown>> {
  const named = Object.entries(rules.policy.namedClaims(identity))
  return Object.fromEntries(named.map(([claim, value]) => [claim, recordedClaim(identity, claim, value)]))
}

/** Claim by claim, expected against got; of people, what the job has is sealed and whom the policy names is left out. */
export function recordedMismatches(identity: Identity, mismatches: readonly Mismatch[]): readonly unknown[] {
  return mismatches.map((one) => ({
    ...one,
    ...(isPersonalClaim(one.claim) ? { expected: [] } : {}),
    got: one.got === null ? null : recordedClaim(identity, one.claim, one.got),
  }))
}

/**
 * What a policy changes, line by line: of people only that something about them does. A log cannot be made to forget,
 * and the version of the policy has it all.
 */
export function recordedChanges(diff: readonly string[]): string[] {
  return [...new Set(diff.map(namelessLine))]
}

function namelessLine(line: string): string {
  const place = line.slice(2, line.indexOf(': '))
  // Their names in mayfly.yaml are keys, too.
  if (place.startsWith('people.')) return `${line.slice(0, 2)}people: (not recorded)`
  const claim = /^(?:roles\.[^.]+\.trust|tests\.identity|tests)\.(?:any\.)?(?:claims\.)?(?<name>.+)$/.exec(
    place,
  )
  const isPersonal =
    /^groups\.[^.]+\.people$/.test(place) ||
    (place !== 'tests.name' && isPersonalClaim(claim?.groups?.['name'] ?? ''))
  return isPersonal ? `${line.slice(0, 2)}${place}: (not recorded)` : line
}
