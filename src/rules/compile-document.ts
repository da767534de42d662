import {
  operatorProblems,
  parseConfig,
  policySchema,
  policyTestFile,
  readBundle,
  withTrustFiles,
  type ConfigProblem,
  type Locate,
  type PolicyBundle,
  type PolicyDocument,
  type PolicyTest,
} from '../config/index.ts'
import { isLinkLocal } from '../lib/index.ts'
import { compileTargets, type Targets } from '../connections/index.ts'
import { compilePolicy, runPolicyTests, type IssuerFacts, type Policy } from '../policy/index.ts'
import { honeyProblems } from '../honey/index.ts'
import { verifyProblems } from '../scan/liveness/index.ts'
import { audienceProblems, subjectProblems } from '../oidc-issuer/index.ts'
import { factsOf } from './issuer-facts.ts'
import { egressAsked } from './asked-egress.ts'
import { jobOf } from './described-job.ts'
import { secretStoreProblems } from './secret-stores-check.ts'

/** A policy as read, compiled, with its tests: everything that needs no server. */
export interface CompiledDocument {
  readonly bundle: PolicyBundle
  readonly document: PolicyDocument
  readonly locate: Locate
  readonly policy: Policy
  readonly targets: Targets
  readonly issuers: ReadonlyMap<string, IssuerFacts>
  readonly tests: readonly PlacedTest[]
}

export interface PlacedTest {
  readonly test: PolicyTest
  readonly place: { readonly file: string; readonly line: number; readonly column: number }
}

export type CompiledDocumentResult =
  | { ok: true; compiled: CompiledDocument }
  | { ok: false; problems: ConfigProblem[] }

/**
 * Reads and compiles a mayfly.yaml, or a bundle of it and the files beside it. `file` is what problems name it; `url` is the server's
 * own, if it is known.
 */
export function compileDocument(text: string, file: string, url = ''): CompiledDocumentResult {
  const bundle = readBundle(text)
  const parsed = parseConfig(bundle.policy, file, policySchema)
  const tests = readTestFiles(bundle)
  if (!parsed.ok) return { ok: false, problems: parsed.problems }
  const { locate } = parsed
  const document = withTrustFiles(parsed.value, bundle.files)
  const issuers = issuerFactsOf(document)
  const compiled = compilePolicy(document, locate, issuers, cedarFilesOf(bundle))
  const targets = compileTargets(document, locate)
  const problems = [
    ...issuerProblems(document, locate),
    ...operatorProblems(document, locate),
    ...secretStoreProblems(document, locate),
    ...subjectProblems(document, locate),
    ...audienceProblems(document, locate, url),
    ...honeyProblems(document, locate),
    ...verifyProblems(document, locate),
    ...(targets.ok ? [] : targets.problems),
    ...(compiled.ok ? [] : compiled.problems),
    ...tests.problems,
  ]
  if (!compiled.ok || !targets.ok || problems.length > 0) return { ok: false, problems }
  const own = document.tests.map((test, i) => ({ test, place: locate(['tests', i]) }))
  return {
    ok: true,
    compiled: {
      bundle,
      document,
      locate,
      policy: compiled.policy,
      targets: targets.targets,
      issuers,
      tests: [...own, ...tests.tests],
    },
  }
}

/** What policy must know of each issuer of a policy. */
export function issuerFactsOf(document: PolicyDocument): ReadonlyMap<string, IssuerFacts> {
  return new Map(Object.entries(document.issuers).map(([name, config]) => [name, factsOf(config)]))
}

/** The tests that fail, as problems at their places. */
export function failedTests(compiled: CompiledDocument): ConfigProblem[] {
  const { document, policy, tests } = compiled
  const outcomes = runPolicyTests(
    policy,
    document,
    tests,
    (issuer, job) => jobOf(compiled, issuer, job),
    egressAsked(compiled),
  )
  return outcomes.flatMap(({ placed: { place, test }, failures }) =>
    failures.map((message) => ({ ...place, message: `test "${test.name}": ${message}` })),
  )
}

function cedarFilesOf({ files }: PolicyBundle): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter(([name]) => name.endsWith('.cedar')))
}

function readTestFiles({ files }: PolicyBundle): { tests: PlacedTest[]; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = []
  const tests = Object.entries(files).flatMap(([name, text]) => {
    if (!name.endsWith('.test.yaml')) return []
    const parsed = parseConfig(text, name, policyTestFile)
    if (parsed.ok) return parsed.value.tests.map((test, i) => ({ test, place: parsed.locate(['tests', i]) }))
    problems.push(...parsed.problems)
    return []
  })
  return { tests, problems }
}

function issuerProblems(document: PolicyDocument, locate: Locate): ConfigProblem[] {
  const seen = new Map<string, string>()
  return Object.entries(document.issuers).flatMap(([name, { url }]) => {
    const problems: ConfigProblem[] = []
    const complain = (message: string) =>
      problems.push({ ...locate(['issuers', name]), message: `issuer "${name}": ${message}` })
    const other = seen.get(url)
    if (other !== undefined) complain(`${url} is issuer "${other}" already`)
    seen.set(url, name)
    const { protocol, hostname } = new URL(url)
    if (isLinkLocal(hostname)) complain('keys are fetched from no link-local or metadata address')
    // Whoever can answer in an issuer's place can forge every identity.
    if (protocol === 'http:' && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
      complain('keys are fetched over https:// only')
    return problems
  })
}
