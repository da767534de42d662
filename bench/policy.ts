import { parseConfig, policySchema } from '../src/config/index.ts'
import { compilePolicy } from '../src/policy/index.ts'
import type { BenchResult } from './result.ts'
import { median, percentile } from './statistics.ts'

/** One decision among 1,000 roles of six grants each. */
export async function benchPolicy(): Promise<BenchResult[]> {
  const roles = Array.from(
    { length: 1000 },
    (_, i) =>
      `  role-${i}: { trust: { issuer: ci, repository_id: "${i}" }, grants: [${Array.from({ length: 6 }, (__, j) => `"git:push git/octo/app-${i}-${j}@refs/tags/*"`).join(', ')}] }\n`,
  ).join('')
  const text = `issuers: { ci: { kind: github-actions } }\nconnections: { git: { kind: git, url: "https://git.example.com" } }\nroles:\n${roles}`
  const parsed = parseConfig(text, 'bench.yaml', policySchema)
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message)
  const compiled = compilePolicy(parsed.value, parsed.locate, new Map([['ci', ['repository_id']]]))
  if (!compiled.ok) throw new Error(compiled.problems[0]?.message)
  const samples: number[] = []
  for (let i = 0; i < 12_000; i++) {
    const role = i % 1000
    const operation = {
      action: 'git:push',
      connection: 'git',
      path: `octo/app-${role}-${i % 6}`,
      ref: 'refs/tags/v1',
    }
    const startedMs = performance.now()
    const decision = compiled.policy.decide(`role-${role}`, operation)
    samples.push(performance.now() - startedMs)
    if (!decision.allow) throw new Error('a granted operation was denied')
  }
  const p99 = percentile(samples.slice(2000), 99)
  return [
    { name: 'policy decision, 1,000 roles, p50', value: median(samples.slice(2000)), unit: 'ms' },
    { name: 'policy decision, 1,000 roles, p99', value: p99, unit: 'ms', target: '< 0.3 ms', ok: p99 < 0.3 },
  ]
}
