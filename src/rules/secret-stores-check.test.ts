import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatProblem } from '../config/index.ts'
import { compileDocument } from './compile-document.ts'

const base = `issuers: { ci: { kind: github-actions } }
connections: { git: { kind: git, url: "https://git.example.com", credential: { basic: secret:git } } }
roles: { build: { trust: { issuer: ci, repository_id: "1" }, grants: [ git:read git/octo/app ] } }
`

function problems(yaml: string): string {
  const result = compileDocument(base + yaml, 'mayfly.yaml')
  return result.ok ? '' : result.problems.map(formatProblem).join('\n')
}

const stores = (token: string) => `secret_stores:
  bao: { kind: openbao, url: "https://bao.example.com", auth: { token: ${token} } }
  files: { kind: file, folder: mounted }
`

test('secrets that are kept elsewhere: what holds', () => {
  assert.equal(
    problems(`${stores('secret:bao-token')}secrets:
  git: { store: bao, path: prod/git, field: token, version: 3, owner: platform, tags: { team: x } }
  bao-token: { store: files, path: token }
  other: { description: in the vault }
`),
    '',
  )
})

const refused: readonly (readonly [what: string, secrets: string, says: RegExp])[] = [
  [
    'a store that is not there',
    'git: { store: bau, path: x }',
    /no secret store "bau"; did you mean "bao"\?/,
  ],
  [
    'a version where there are none',
    'git: { store: files, path: x, version: 2 }',
    /a store of kind file has no versions/,
  ],
  ['a store without a path', 'git: { store: bao }', /`store` and `path` belong together/],
  ['a field without a store', 'git: { field: x }', /name the `store`/],
  ['a path that climbs', 'git: { store: files, path: ../x }', /without \. and \.\./],
  ['a path that is an option', 'git: { store: files, path: --x }', /the path of a secret/],
  ['a value', 'git: { value: hunter2 }', /value/],
  [
    'what opens a store kept in that store',
    'bao-token: { store: bao, path: x }',
    /secret store "bao": what opens it \(secret:bao-token\) is kept in store "bao"/,
  ],
]
for (const [what, secrets, says] of refused)
  test(`secrets that are kept elsewhere, refused: ${what}`, () => {
    assert.match(problems(`${stores('secret:bao-token')}secrets:\n  ${secrets}\n`), says)
  })

test('a store that keeps values for longer than a minute is refused', () => {
  const long = 'secret_stores: { f: { kind: file, folder: x, cache: 2m } }\n'
  assert.match(problems(long), /at most 60s/)
})
