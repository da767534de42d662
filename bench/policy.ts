import { policySchema } from '../src/config/index.ts'
import { compilePolicy, type IssuerFacts, type Policy } from '../src/policy/index.ts'
import type { BenchResult } from './result.ts'
import { median, percentile } from './statistics.ts'

const grantsPerRole = 6
const rounds = 12_000
const warmUp = 2_000

const forbids = Array.from(
  { length: 10 },
  (_, i) =>
    `forbid(principal, action == Mayfly::Action::"git:push", resource) when { resource.path like "octo/frozen-${i}/*" && context.issuer == "ci" };\n`,
).join('')

/** One decision, and one check of who may assume a role, among 10 to 10,000 roles; then with ten forbids in raw Cedar. */
export async function benchPolicy(): Promise<BenchResult[]> {
  return [
    ...[10, 1_000, 10_000].flatMap((roles) => measure(roles, {})),
    ...measure(1_000, { 'policies/frozen.cedar': forbids }, ', 10 forbids'),
  ]
}

function measure(roles: number, files: Readonly<Record<string, string>>, more = ''): BenchResult[] {
  const startedMs = performance.now()
  const policy = compile(roles, files)
  const loadMs = performance.now() - startedMs
  const what = `${roles.toLocaleString('en')} roles${more}`
  const decisions = sample((i) => {
    const role = i % roles
    const operation = {
      action: 'git:push',
      connection: 'git',
      path: `octo/app-${role}-${i % grantsPerRole}`,
      ref: 'refs/tags/v1',
    }
    return policy.decide(`role-${role}`, operation, subjectOf(role)).allow
  })
  const assumptions = sample((i) => policy.assume(`role-${i % roles}`, subjectOf(i % roles)).allow)
  const p99 = percentile(decisions, 99)
  const assumeP99 = percentile(assumptions, 99)
  return [
    { name: `policy decision, ${what}, p50`, value: median(decisions), unit: 'ms' },
    { name: `policy decision, ${what}, p99`, value: p99, unit: 'ms', target: '< 0.3 ms', ok: p99 < 0.3 },
    { name: `assume a role, ${what}, p50`, value: median(assumptions), unit: 'ms' },
    { name: `assume a role, ${what}, p99`, value: assumeP99, unit: 'ms' },
    { name: `policy loaded, ${what}`, value: loadMs, unit: 'ms' },
  ]
}

function sample(allow: (round: number) => boolean): number[] {
  const samples: number[] = []
  for (let i = 0; i < rounds; i++) {
    const startedMs = performance.now()
    const allowed = allow(i)
    samples.push(performance.now() - startedMs)
    if (!allowed) throw new Error('what is granted was denied')
  }
  return samples.slice(warmUp)
}

function subjectOf(role: number) {
  return {
    issuer: 'ci',
    attributes: { repository_id: String(role), event: 'push', ref: 'refs/tags/v1', ref_protected: 'true' },
    claims: {},
  }
}

function compile(count: number, files: Readonly<Record<string, string>>): Policy {
  const roles = Array.from({ length: count }, (_, i) => {
    const grants = Array.from(
      { length: grantsPerRole },
      (__, j) => `git:push git/octo/app-${i}-${j}@refs/tags/*`,
    )
    return [`role-${i}`, { trust: { issuer: 'ci', repository_id: String(i), event: 'push' }, grants }]
  })
  const document = policySchema.parse({
    issuers: { ci: { kind: 'github-actions' } },
    connections: { git: { kind: 'git', url: 'https://git.example.com' } },
    roles: Object.fromEntries(roles) as unknown,
  })
  const ci: IssuerFacts = {
    kind: 'github-actions',
    pins: ['repository_id'],
    ids: {},
    claims: { repository_id: 'repository_id', event: 'event_name' },
    derived: [],
    forms: {},
    documented: {},
    fixed: {},
  }
  const locate = () => ({ file: 'bench.yaml', line: 1, column: 1 })
  const compiled = compilePolicy(document, locate, new Map([['ci', ci]]), files)
  if (!compiled.ok) throw new Error(compiled.problems[0]?.message)
  return compiled.policy
}
