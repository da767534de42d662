import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { explanationLines } from '../policy/index.ts'
import { explainEgress, parseEgress } from './asked-egress.ts'
import { compileDocument, failedTests } from './compile-document.ts'

const policy = (
  more = '',
  egress = '["own.example.org", { host: "nexus.corp.internal:8443", private: true }]',
) => `issuers:
  ci: { kind: github-actions }
connections:
  git: { kind: git, url: https://git.example.com }
roles:
  build:
    trust: { issuer: ci, repository_id: "1", event: push }
    grants: [ "git:read git/octo/app" ]
    egress: ${egress}
  test:
    trust: { issuer: ci, repository_id: "1", event: push }
    grants: [ "git:read git/octo/app" ]
egress: [ "deb.example.org:443" ]
${more}`

function compile(text: string) {
  const result = compileDocument(text, 'mayfly.yaml')
  assert.ok(result.ok, result.ok ? '' : result.problems.map(({ message }) => message).join('\n'))
  return result.compiled
}

function explained(role: string, operation: string): string {
  const asked = parseEgress(operation)
  assert.ok(typeof asked === 'object', String(asked))
  return explanationLines({ operation: explainEgress(compile(policy()), role, asked) }).join('\n')
}

test('explain says by which list a host is reached, or what to add', () => {
  assert.match(
    explained('test', 'egress deb.example.org:443'),
    /may egress deb\.example\.org:443, by "deb\.example\.org:443, under egress"/,
  )
  assert.match(explained('build', 'egress own.example.org:443'), /under roles\.build\.egress/)
  assert.match(explained('test', 'egress own.example.org:443'), /- "own\.example\.org:443" # add/)
  assert.match(
    explained('test', 'egress 10.0.0.5:443'),
    /- \{ host: "10\.0\.0\.5:443", private: true \} # add/,
  )
  assert.match(explained('test', 'egress 169.254.169.254:80'), /forbidden by its address/)
  assert.match(explained('test', 'egress git.example.com:443'), /connection "git" \(its grants decide\)/)
  assert.match(explained('test', 'egress git.example.com:80'), /connection "git", which is for https:/)
  for (const operation of ['egress', 'egress a b:443', 'egress x:0', 'egress https://x'])
    assert.ok(
      typeof parseEgress(`${operation} `.trimEnd().replace(/^egress$/, 'egress ')) === 'string',
      operation,
    )
  assert.equal(parseEgress('git:read git/octo/app'), undefined)
})

test('what explain says to add is taken as it is pasted, and lets the step there', () => {
  for (const host of ['a.example.org', '10.0.0.5', 'fd12::7', '192.168.7.7', '2606:4700::1']) {
    const { patch = '' } = explainEgress(compile(policy()), 'build', { host, port: 443 })
    const pasted = parse(patch) as { roles: { build: { egress: unknown[] } } }
    const compiled = compile(policy('', JSON.stringify(pasted.roles.build.egress)))
    assert.ok(compiled.targets.egress.allows(host, 443, 'build'), host)
  }
})

test('policy tests ask for egress, too', () => {
  const test = (role: string, operation: string, expect: string) =>
    failedTests(
      compile(
        policy(`tests:
  - name: x
    issuer: ci
    identity: { repository_id: "1", event: push }
    role: ${role}
    expect: allow
    operations: [ { operation: "${operation}", expect: ${expect} } ]
`),
      ),
    )
      .map(({ message }) => message)
      .join()
  assert.equal(test('build', 'egress nexus.corp.internal:8443', 'allow'), '')
  assert.equal(test('test', 'egress nexus.corp.internal:8443', 'deny'), '')
  assert.match(test('build', 'egress nexus.corp.internal:8443', 'deny'), /is allowed \(nexus/)
  assert.match(test('test', 'egress own.example.org:443', 'allow'), /is denied \(no egress rule/)
  assert.equal(test('build', 'egress own.example.org', 'allow'), '')
  assert.match(test('test', 'egress https://own.example.org', 'deny'), /name one host/)
})

const limited: readonly (readonly [limits: string, refused: RegExp | undefined])[] = [
  ['{ egress: ["*.example.org:443"], private_egress: ["*.corp.internal:*"] }', undefined],
  ['{ max_ttl: 1h }', undefined],
  ['{ egress: ["own.example.org:443"] }', undefined],
  ['{ egress: [] }', /"own\.example\.org:443" is beyond what limits\.egress lets roles reach/],
  ['{ egress: ["*.example.com:443"] }', /"own\.example\.org:443" is beyond what limits\.egress/],
  ['{ private_egress: [] }', /"nexus\.corp\.internal:8443" is beyond what limits\.private_egress/],
  ['{ private_egress: ["*.corp.internal:443"] }', /beyond what limits\.private_egress/],
  ['{ egress: ["*.example.org"] }', /could never match: it is not host:port: write "\*\.example\.org:\*"/],
]
for (const [limits, refused] of limited)
  test(`limits: ${limits}`, () => {
    const result = compileDocument(policy(`limits: ${limits}\n`), 'mayfly.yaml')
    const problems = result.ok
      ? ''
      : result.problems.map(({ line, message }) => `${line}: ${message}`).join('\n')
    if (refused === undefined) assert.equal(problems, '')
    else assert.match(problems, refused)
  })
