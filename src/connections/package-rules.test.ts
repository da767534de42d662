import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig, policySchema } from '../config/index.ts'
import { compileTargets } from './index.ts'

function compile(connections: string) {
  const text = `issuers: { ci: { kind: oidc, url: "https://ci.test" } }
connections:
${connections}
roles: { build: { trust: { issuer: ci, subject: x }, grants: ["git:read none/x"] } }
`
  const parsed = parseConfig(text, 'mayfly.yaml', policySchema)
  if (!parsed.ok) return parsed
  const compiled = compileTargets(parsed.value, parsed.locate)
  if (!compiled.ok) return compiled
  const { connections: all } = compiled.targets
  const named = (name: string) => all.find((one) => one.name === name)
  return { ok: true as const, named, of: (name: string) => named(name)?.packages }
}

const own = '  own: { kind: npm, url: "https://npm.test", only: ["@octo/*", left-pad] }'

test('names of one registry are no other’s of its kind', () => {
  const compiled = compile(`${own}\n  npm: { kind: npm, url: "https://registry.test" }`)
  assert.ok(compiled.ok)
  const [mine, theirs] = [compiled.of('own'), compiled.of('npm')]
  assert.equal(mine?.unserved('@octo/core'), undefined)
  assert.match(mine?.unserved('express') ?? '', /connection "own" serves only @octo\/\*, left-pad/)
  assert.match(theirs?.unserved('@octo/core') ?? '', /come from connection "own" alone/)
  assert.match(theirs?.unserved('left-pad') ?? '', /come from connection "own" alone/)
  assert.equal(theirs?.unserved('express'), undefined)
})

test('a package is blocked by its name and version as they are, however its URL is spelt', () => {
  const compiled = compile(
    '  npm: { kind: npm, url: "https://npm.test", blocked: ["pkg:npm/@evil/*@1.*", "pkg:npm/%40odd/x", "pkg:npm/y"] }',
  )
  assert.ok(compiled.ok)
  const rules = compiled.of('npm')
  for (const purl of [
    'pkg:npm/%40evil/core@1.0.0',
    'pkg:npm/@evil/core@1.0.0?x=y',
    'pkg:npm/%40odd/x@3.0.0',
    'pkg:npm/y@0.0.1',
  ])
    assert.match(rules?.blocked(purl) ?? 'passes', /connection "npm" blocks pkg:npm/, purl)
  for (const purl of ['pkg:npm/%40evil/core@2.0.0', 'pkg:npm/yy@1.0.0', 'pkg:npm/%40y/y@1.0.0'])
    assert.equal(rules?.blocked(purl), undefined, purl)
})

test('a blocked package is blocked in every spelling that a registry takes for it', () => {
  const compiled = compile(
    '  crates: { kind: cargo, url: "https://crates.test", blocked: ["pkg:cargo/octo_app"], may_change: ["pkg:cargo/octo_app"] }',
  )
  assert.ok(compiled.ok)
  const rules = compiled.of('crates')
  assert.match(rules?.blocked('pkg:cargo/Octo-App@1.0.0') ?? 'passes', /blocks pkg:cargo\/octo_app/)
  assert.equal(rules?.mayChange('pkg:cargo/Octo-App@1.0.0'), false)
})

const refused: readonly (readonly [rule: string, message: RegExp])[] = [
  ['only: ["octo core"]', /only: "octo core" matches no package/],
  ['blocked: ["pkg:pypi/x"]', /write pkg:npm\//],
  ['blocked: ["left-pad"]', /a package URL/],
  ['may_change: ["pkg:gem/x"]', /write pkg:npm\//],
  ['minimum_age: 3w', /an age such as 3d/],
  ['osv: reports', /absolute path/],
  ['provenance: require', /needs a trusted_root/],
  ['provenance: maybe', /provenance/],
  ['trusted_root: /root.json', /say nothing without provenance/],
  ['provenance: off, provenance_may_change: ["pkg:npm/x"]', /say nothing without provenance/],
  ['provenance: record, provenance_may_change: ["pkg:npm/x"]', /only recorded/],
  ['provenance: no-downgrade, provenance_may_change: ["pkg:pypi/x"]', /write pkg:npm\//],
  ['provenance: no-downgrade, trusted_root: root.json', /absolute path/],
  ['signature_keys: [{ keyid: a, key: AAAA }]', /a is no ECDSA key on P-256/],
  ['signature_keys: [{ keyid: a, key: "-----BEGIN" }]', /base64 of an ECDSA key/],
]
for (const [rule, message] of refused)
  test(`refused: ${rule}`, () => {
    const compiled = compile(`  npm: { kind: npm, url: "https://npm.test", ${rule} }`)
    assert.ok(!compiled.ok)
    assert.match(compiled.problems.map((one) => one.message).join('\n'), message)
  })

test('a Go module proxy is held against Go’s own checksum database, another one, or none', () => {
  const key = 'sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'
  const sumdbOf = (rule: string) => {
    const compiled = compile(`  go: { kind: go, url: "https://go.test"${rule} }`)
    return compiled.ok ? compiled.named('go')?.sumdb : compiled.problems.map((one) => one.message).join('\n')
  }
  const go = sumdbOf('')
  assert.ok(typeof go === 'object')
  assert.deepEqual([go.verifier?.name, go.setting], ['sum.golang.org', undefined])
  assert.deepEqual(sumdbOf(', sumdb: off'), { verifier: undefined, setting: 'off' })
  const named = sumdbOf(`, sumdb: "${key}"`)
  assert.ok(typeof named === 'object')
  assert.equal(named.setting, key)
  for (const wrong of [key.replace('033', '133'), key.replace('+Ac', '+Bc'), `${key}A`])
    assert.match(String(sumdbOf(`, sumdb: "${wrong}"`)), /sumdb is no verifier key/)
  for (const wrong of ['sum.golang.org', 'on', '""'])
    assert.match(String(sumdbOf(`, sumdb: ${wrong}`)), /`off`, or the verifier key/)
})

test('a connection without packages has no such rules', () => {
  const compiled = compile('  git: { kind: git, url: "https://git.test", blocked: ["pkg:npm/x"] }')
  assert.ok(!compiled.ok)
})
