import type { PolicyDocument, PolicyTest } from '../config/index.ts'
import { connectionKinds } from './draft.ts'
import { describeMismatches } from './explain.ts'
import { parseOperation } from './grant.ts'
import type { Policy } from './policy.ts'
import type { TrustSubject } from './trust.ts'

/** How one test ended. No failure means that it passed. */
export interface PolicyTestOutcome<Placed extends { readonly test: PolicyTest }> {
  readonly placed: Placed
  readonly failures: readonly string[]
}

/** A job as somebody describes it: by the CI's own names, or by those of `trust`, which go before. */
export interface DescribedJob {
  readonly claims?: Readonly<Record<string, string>> | undefined
  readonly identity?: Readonly<Record<string, string | undefined>> | undefined
}

/** Runs the tests that stand beside a policy. `subjectOf` turns what a test says of its job into a subject. */
export function runPolicyTests<Placed extends { readonly test: PolicyTest }>(
  policy: Policy,
  document: PolicyDocument,
  tests: readonly Placed[],
  subjectOf: (issuer: string, job: DescribedJob) => TrustSubject,
): PolicyTestOutcome<Placed>[] {
  const kinds = connectionKinds(document)
  return tests.map((placed) => {
    const { test } = placed
    // A test against an issuer that is not there would be denied, and pass, for the wrong reason.
    const failures = Object.hasOwn(document.issuers, test.issuer)
      ? failuresOf(policy, test, subjectOf(test.issuer, test), kinds)
      : [`there is no issuer "${test.issuer}"`]
    return { placed, failures }
  })
}

function failuresOf(
  policy: Policy,
  test: PolicyTest,
  subject: TrustSubject,
  kinds: ReadonlyMap<string, string>,
): string[] {
  const assumption = policy.assume(test.role, subject)
  if (!assumption.allow && assumption.reason === 'role_unknown') return [`there is no role "${test.role}"`]
  if (assumption.allow !== (test.expect === 'allow')) {
    if (assumption.allow) return [`role "${test.role}" is allowed, expected deny`]
    return [`role "${test.role}" is denied, expected allow: ${describeMismatches(assumption.mismatches)}`]
  }
  return test.operations.flatMap(({ operation: source, expect }) => {
    const operation = parseOperation(source, kinds)
    if (typeof operation === 'string') return [operation]
    const decision = policy.decide(test.role, operation, subject)
    if (decision.allow === (expect === 'allow')) return []
    if (decision.allow) return [`${source} is allowed by "${decision.grant}", expected deny`]
    const why = decision.forbiddenBy ?? `no grant; it would take "${decision.missing}"`
    return [`${source} is denied, expected allow: ${why}`]
  })
}
