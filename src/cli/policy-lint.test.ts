import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { z } from 'zod'
import { writeBundle } from '../config/index.ts'
import { lintRules } from '../policy/index.ts'
import { lintFindings } from './policy-lint.ts'
import { lintSarif } from './sarif.ts'

const policy = `issuers:
  github: { kind: github-actions }
connections:
  github: { kind: git, url: https://github.com }
roles:
  build:
    trust: { issuer: github, repository_id: "1" }
    grants: [ "git:push github/*@refs/heads/main" ]
`

test('findings stand at their place, each once, and say whether apply refuses them', () => {
  const found = lintFindings(policy, 'mayfly.yaml').map(
    ({ rule, line, column, refused }) => `${line}:${column} ${rule?.id} ${refused}`,
  )
  assert.deepEqual(found, [
    '7:5 outsider true',
    '7:5 unprotected-ref false',
    '8:15 bare-star false',
    '8:15 own-code false',
  ])
})

test('what keeps the policy from being read is found, too', () => {
  assert.deepEqual(
    lintFindings(policy.replace('event', 'x').replace('repository_id', 'repositry_id'), 'm.yaml').map(
      ({ rule, line, message }) => [rule, line, message.slice(0, 26)],
    ),
    [[undefined, 7, 'unknown key "repositry_id"']],
  )
  const bundle = writeBundle({
    policy,
    files: { 'policies/x.cedar': 'permit(principal, action, resource);' },
  })
  assert.ok(lintFindings(bundle, 'm.yaml').some(({ file, rule }) => file === 'policies/x.cedar' && !rule))
})

// The schema is OASIS's, as SchemaStore publishes it (sarif-2.1.0-rtm.5). zod takes a URI reference for a URL.
const schemaText = readFileSync(
  new URL('../../test/fixtures/sarif-2.1.0-rtm.5.json', import.meta.url),
  'utf8',
)
const schema = z.fromJSONSchema(
  JSON.parse(schemaText, (key, value: unknown) =>
    key === 'format' && value === 'uri-reference' ? undefined : value,
  ) as Parameters<typeof z.fromJSONSchema>[0],
  { defaultTarget: 'draft-4' },
)

test('SARIF is what the schema of SARIF 2.1.0 says', () => {
  const findings = [
    ...lintFindings(policy, 'dir with space/mayfly.yaml'),
    ...lintFindings('nothing: 1', '/abs/mayfly.yaml'),
  ]
  const log = JSON.parse(JSON.stringify(lintSarif(findings, lintRules))) as {
    runs: [
      {
        results: { ruleId: string; ruleIndex: number; level: string }[]
        tool: { driver: { rules: { id: string }[] } }
      },
    ]
  }
  assert.deepEqual(schema.safeParse(log).error, undefined)
  const [{ results, tool }] = log.runs
  assert.equal(results.length, findings.length)
  for (const { ruleId, ruleIndex } of results) assert.equal(tool.driver.rules[ruleIndex]?.id, ruleId)
  // The schema does tell good from bad.
  assert.equal(
    schema.safeParse({ ...log, runs: [{ ...log.runs[0], results: [{ level: 'fatal' }] }] }).success,
    false,
  )
})
