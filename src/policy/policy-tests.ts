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

/** What a description of a job comes to. */
export type JobReading =
  | { readonly kind: 'job'; readonly subject: TrustSubject }
  /** Its token is refused, whatever the roles say. */
  | { readonly kind: 'refused'; readonly why: string; readonly subject: TrustSubject }
  /** No token of the issuer says such a thing. */
  | { readonly kind: 'impossible'; readonly why: string }

/** Whether a role may reach what `egress host:port` names, and by which rule; undefined for any other operation. */
export type EgressAsked = (
  role: string,
  operation: string,
) => { readonly problem: string } | { readonly allow: boolean; readonly why: string } | undefined

/** Runs the tests that stand beside a policy. `jobOf` reads what a test says of its job as the server would a token. */
export function runPolicyTests<Placed extends { readonly test: PolicyTest }>(
  policy: Policy,
  document: PolicyDocument,
  tests: readonly Placed[],
  jobOf: (issuer: string, job: DescribedJob) => JobReading,
  egressOf: EgressAsked,
): PolicyTestOutcome<Placed>[] {
  const kinds = connectionKinds(document)
  return tests.map((placed) => {
    const { test } = placed
    // A test against an issuer that is not there would be denied, and pass, for the wrong reason.
    const failures = Object.hasOwn(document.issuers, test.issuer)
      ? failuresOf(policy, test, jobOf(test.issuer, test), kinds, egressOf)
      : [`there is no issuer "${test.issuer}"`]
    return { placed, failures }
  })
}

function failuresOf(
  policy: Policy,
  test: PolicyTest,
  job: JobReading,
  kinds: ReadonlyMap<string, string>,
  egressOf: EgressAsked,
): string[] {
  // Denied for a reason that no job has, it would tell nothing of the policy.
  if (job.kind === 'impossible') return [`there is no such job: ${job.why}`]
  if (job.kind === 'refused') return test.expect === 'deny' ? [] : [job.why]
  const { subject } = job
  const assumption = policy.assume(test.role, subject)
  if (!assumption.allow && assumption.reason === 'role_unknown') return [`there is no role "${test.role}"`]
  if (assumption.allow !== (test.expect === 'allow')) {
    if (assumption.allow) return [`role "${test.role}" is allowed, expected deny`]
    return [`role "${test.role}" is denied, expected allow: ${describeMismatches(assumption.mismatches)}`]
  }
  return test.operations.flatMap(({ operation: source, expect }) => {
    const reached = egressOf(test.role, source)
    if (reached !== undefined) return egressFailures(source, expect, reached)
    const operation = parseOperation(source, kinds)
    if (typeof operation === 'string') return [operation]
    const decision = policy.decide(test.role, operation, subject)
    if (decision.allow === (expect === 'allow')) return []
    if (decision.allow) return [`${source} is allowed by "${decision.grant}", expected deny`]
    const why = decision.forbiddenBy ?? `no grant; it would take "${decision.missing}"`
    return [`${source} is denied, expected allow: ${why}`]
  })
}

function egressFailures(
  source: string,
  expect: string,
  reached: NonNullable<ReturnType<EgressAsked>>,
): string[] {
  if ('problem' in reached) return [reached.problem]
  if (reached.allow === (expect === 'allow')) return []
  return [`${source} is ${reached.allow ? 'allowed' : 'denied'} (${reached.why}), expected ${expect}`]
}
