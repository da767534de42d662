import {
  configError,
  operatorProblems,
  parseConfig,
  policySchema,
  type ConfigProblem,
  type IssuerConfig,
  type PolicyDocument,
} from '../config/index.ts'
import { compileTargets, type Targets } from '../connections/index.ts'
import { createIdentityVerifier, profileOf, type IdentityVerifier } from '../identity/index.ts'
import { MayflyError, sha256Hex, type Clock } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import { compilePolicy, type Policy } from '../policy/index.ts'
import { isDuplicate, type Store } from '../store/index.ts'
import { diffDocuments } from './policy-diff.ts'
import type { PolicySource } from './policy-source.ts'

/** mayfly.yaml, compiled: what every decision is made by until the next one is applied. */
export interface Rules {
  readonly version: number
  readonly text: string
  readonly document: PolicyDocument
  readonly identity: IdentityVerifier
  readonly policy: Policy
  readonly targets: Targets
  /** Per issuer: the ids that tell our own jobs from a stranger's on the same issuer. */
  readonly pins: ReadonlyMap<string, readonly string[]>
}

export interface Applied {
  readonly version: number
  readonly changed: boolean
  readonly diff: readonly string[]
}

export interface RulesHolder {
  /** Throws `config_invalid` while no policy has been applied. */
  current(): Rules
  readonly loaded: boolean
  /**
   * Validates, shows what changes and, unless `dryRun`, records and applies it. Throws `config_invalid` with every
   * problem, and `conflict` if another version than `expectedVersion` is in force.
   */
  apply(request: {
    text: string
    file: string
    by: string
    dryRun: boolean
    expectedVersion?: number
    source?: PolicySource
  }): Promise<Applied>
}

export async function createRules(deps: {
  store: Store
  audit: AuditClient
  clock: Clock
  fetch: typeof fetch
  audience: () => string
}): Promise<RulesHolder> {
  let rules: Rules | undefined
  let applying: Promise<unknown> = Promise.resolve()
  const newest = await deps.store.read
    .selectFrom('policies')
    .selectAll()
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (newest !== undefined) rules = compileRules(newest.text, 'mayfly.yaml', newest.version, deps)

  return {
    current() {
      if (rules === undefined)
        throw new MayflyError('config_invalid', 'no policy is in force: mayfly apply mayfly.yaml')
      return rules
    },
    get loaded() {
      return rules !== undefined
    },
    // One after the other: two who saw the same version must not both apply to it.
    apply(request) {
      const mine = applying.then(() => apply(request))
      applying = mine.catch(() => undefined)
      return mine
    },
  }

  async function apply({
    text,
    file,
    by,
    dryRun,
    expectedVersion,
    source,
  }: Parameters<RulesHolder['apply']>[0]): Promise<Applied> {
    const before = rules
    if (expectedVersion !== undefined && expectedVersion !== (before?.version ?? 0)) {
      throw new MayflyError(
        'conflict',
        `version ${before?.version ?? 0} of the policy is in force, not ${expectedVersion}: look at it and apply again`,
      )
    }
    const next = compileRules(text, file, (before?.version ?? 0) + 1, deps)
    const diff = diffDocuments(before?.document, next.document)
    const changed = before?.text !== text
    if (dryRun || !changed) return { version: before?.version ?? 0, changed, diff }
    await deps.audit.append({
      type: 'policy.applied',
      data: {
        by,
        version: next.version,
        sha256: sha256Hex(text),
        ...(source === undefined ? {} : { source }),
        changes: diff.slice(0, 120).map((line) => line.slice(0, 300)),
        changeCount: diff.length,
      },
    })
    await deps.store
      .write((tx) =>
        tx
          .insertInto('policies')
          .values({
            version: next.version,
            text,
            applied_by: by,
            applied_ms: deps.clock.nowMs(),
            source: source === undefined ? null : JSON.stringify(source),
          })
          .execute(),
      )
      .catch((error: unknown) => {
        if (!isDuplicate(error)) throw error
        throw new MayflyError(
          'conflict',
          `version ${next.version} was applied by another server: look at it and apply again`,
        )
      })
    rules = next
    return { version: next.version, changed, diff }
  }
}

function compileRules(
  text: string,
  file: string,
  version: number,
  deps: { fetch: typeof fetch; clock: Clock; audience: () => string },
): Rules {
  const parsed = parseConfig(text, file, policySchema)
  if (!parsed.ok) throw configError(parsed.problems)
  const { value: document, locate } = parsed
  const pins = new Map(Object.entries(document.issuers).map(([name, config]) => [name, pinsOf(config)]))
  const compiled = compilePolicy(document, locate, pins)
  const targets = compileTargets(document, locate)
  const problems: ConfigProblem[] = [
    ...issuerProblems(document, locate),
    ...operatorProblems(document, locate),
    ...(targets.ok ? [] : targets.problems),
    ...(compiled.ok ? [] : compiled.problems),
  ]
  if (!compiled.ok || !targets.ok || problems.length > 0) throw configError(problems)
  const identity = createIdentityVerifier({
    issuers: document.issuers,
    audience: () => document.audience ?? deps.audience(),
    fetch: deps.fetch,
    clock: deps.clock,
  })
  return { version, text, document, identity, policy: compiled.policy, targets: targets.targets, pins }
}

// An issuer that is limited to one owner lets no stranger in, so its rules need not say it again.
function pinsOf(config: IssuerConfig): readonly string[] {
  const limited =
    (config.kind === 'github-actions' && config.owner_id !== undefined) ||
    (config.kind === 'gitlab' && config.namespace_id !== undefined)
  return limited ? [] : profileOf(config).pins
}

function issuerProblems(
  document: PolicyDocument,
  locate: (path: readonly PropertyKey[]) => { file: string; line: number; column: number },
): ConfigProblem[] {
  const seen = new Map<string, string>()
  return Object.entries(document.issuers).flatMap(([name, { url }]) => {
    const problems: ConfigProblem[] = []
    const complain = (message: string) =>
      problems.push({ ...locate(['issuers', name]), message: `issuer "${name}": ${message}` })
    const other = seen.get(url)
    if (other !== undefined) complain(`${url} is issuer "${other}" already`)
    seen.set(url, name)
    const { protocol, hostname } = new URL(url)
    // Whoever can answer in an issuer's place can forge every identity.
    if (protocol === 'http:' && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
      complain('keys are fetched over https:// only')
    return problems
  })
}
