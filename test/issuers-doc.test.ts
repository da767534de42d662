import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatProblem, issuerSchema, parseConfig, policySchema } from '../src/config/index.ts'
import { compileDocument } from '../src/rules/index.ts'
import { projectFolder } from '../demo/stage.ts'

const text = readFileSync(join(projectFolder, 'docs/issuers.md'), 'utf8')
const uuid = '3a1b5c7d-0f2e-4a6b-8c9d-1e3f5a7b9c0d'
/** The pieces of mayfly.yaml in the documentation, with what a reader fills in. */
const policies = [...text.matchAll(/```yaml\n(issuers:[^`]*)```/g)].map(([, block = '']) =>
  block.replaceAll('ORGANIZATION_ID', uuid).replaceAll('[...]', '[npm:install npmjs]'),
)
const connections = 'connections: { npmjs: { kind: npm, url: https://registry.example.com } }\n'
const anyRole = 'roles: { any: { trust: { issuer: nobody }, grants: [npm:install npmjs] } }\n'

for (const policy of policies) {
  test(`docs/issuers.md: ${policy.split('\n')[0]}`, () => {
    const hasRole = policy.includes('\nroles:')
    const parsed = parseConfig(
      `${policy}${connections}${hasRole ? '' : anyRole}`,
      'mayfly.yaml',
      policySchema,
    )
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
    if (!hasRole) return
    const compiled = compileDocument(`${policy}${connections}`, 'mayfly.yaml')
    assert.ok(compiled.ok, compiled.ok ? '' : compiled.problems.map(formatProblem).join('\n'))
  })
}

test('docs/issuers.md has every kind of issuer', () => {
  for (const { shape } of issuerSchema.options) assert.ok(text.includes(`kind: ${shape.kind.value}`))
})
