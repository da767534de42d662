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

test('what can never work, or would show a credential to others, is refused: audiences that nobody signs for, URLs in the clear, metadata services', () => {
  const bao = (url: string, jwt = '{ role: mayfly }', named = url) =>
    problems(
      `identity_tokens: { audiences: ["${named}"] }\nsecret_stores: { bao: { kind: openbao, url: "${url}", auth: { jwt: ${jwt} } } }\n`,
    )
  assert.equal(bao('https://bao.example.com'), '')
  assert.equal(bao('http://127.0.0.1:8200'), '')
  assert.match(
    bao('https://bao.example.com', '{ role: mayfly, audience: "https://other.example.com" }'),
    /no identity token is signed for https:\/\/other\.example\.com: add it to identity_tokens\.audiences/,
  )
  assert.match(bao('http://bao.example.com'), /not asked for in the clear/)
  for (const url of [
    'https://169.254.169.254',
    'https://2852039166',
    'https://[fd00:ec2::254]',
    'https://[fe80::1]',
  ])
    assert.match(bao(url, undefined, 'x'), /link-local or metadata/, url)
  const own = compileDocument(
    `${base}identity_tokens: { audiences: ["https://mayfly.example.com/x"] }\n`,
    'mayfly.yaml',
    'https://mayfly.example.com',
  )
  assert.match(
    own.ok ? '' : own.problems.map(formatProblem).join(),
    /:4:\d+.*is an audience of Mayfly itself, and no identity token is signed for it/,
  )
})
