import type { Clock } from '../lib/index.ts'
import { configError, type PolicyDocument } from '../config/index.ts'
import type { Targets } from '../connections/index.ts'
import { createIdentityVerifier, type Checks, type IdentityVerifier } from '../identity/index.ts'
import type { Policy } from '../policy/index.ts'
import { compileDocument, type CompiledDocument } from './compile-document.ts'

/** mayfly.yaml, compiled: what every decision is made by until the next one is applied. */
export interface Rules {
  readonly version: number
  readonly text: string
  readonly compiled: CompiledDocument
  readonly document: PolicyDocument
  readonly identity: IdentityVerifier
  readonly policy: Policy
  readonly targets: Targets
  /** Per issuer: the ids that tell our own jobs from a stranger's on the same issuer. */
  readonly pins: ReadonlyMap<string, readonly string[]>
}

export function compileRules(
  text: string,
  file: string,
  version: number,
  deps: {
    fetch: typeof fetch
    clock: Clock
    audience: () => string
    issuedSince?: () => number
    checks?: Checks
  },
): Rules {
  const result = compileDocument(text, file, deps.audience())
  if (!result.ok) throw configError(result.problems)
  const { document, policy, targets, issuers } = result.compiled
  const identity = createIdentityVerifier({
    issuers: document.issuers,
    audience: () => document.audience ?? deps.audience(),
    ownUrl: deps.audience,
    fetch: deps.fetch,
    clock: deps.clock,
    ...(deps.issuedSince === undefined ? {} : { issuedSince: deps.issuedSince }),
    ...(deps.checks === undefined ? {} : { checks: deps.checks }),
  })
  const pins = new Map([...issuers].map(([name, facts]) => [name, facts.pins]))
  return { version, text, compiled: result.compiled, document, identity, policy, targets, pins }
}
