import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operatorProblems, parseConfig, policySchema } from './index.ts'

const base = `
issuers:
  github: { kind: github-actions }
connections:
  git: { kind: git, url: https://git.example.com }
people:
  anna: { logins: ["sub:anna"], ci: ["github:1"] }
  ben: { logins: ["email:ben@example.com"] }
groups:
  managers: { people: [anna, ben] }
sign_in: { issuer: https://people.example.com, client_id: x, permissions: { admin: [managers] } }
roles:
  release:
    trust: { issuer: github, repository_id: "1" }
    approval: { group: managers }
    grants: [git:read git/o/r]
`

const circle = 'https://oidc.circleci.com/org/0184990a-477b-4fa8-9968-496074483177'

/** What is wrong with it, each with its line. */
function problemsOf(text: string): string[] {
  const parsed = parseConfig(text, 'm.yaml', policySchema)
  const problems = parsed.ok ? operatorProblems(parsed.value, parsed.locate) : parsed.problems
  return problems.map(({ line, message }) => `${line}: ${message}`)
}

test('nothing is wrong with it', () => assert.deepEqual(problemsOf(base), []))

const asks = (grant: string) => base.replace('[git:read git/o/r]', `[${grant}]`)

test('a grant may ask for a person', () =>
  assert.deepEqual(problemsOf(asks('{ grant: git:read git/o/r, approval: first, timeout: 1h }')), []))

const wrong: readonly (readonly [string, (text: string) => string, RegExp])[] = [
  [
    'a group of nobody known',
    (text) => text.replace('[anna, ben]', '[anna, bert]'),
    /^10: .*no "bert" under people/,
  ],
  ['an empty group', (text) => text.replace('{ people: [anna, ben] }', '{}'), /group "managers" is empty/],
  [
    'an approval by a group that is not there',
    (text) => text.replace('group: managers }', 'group: managres }'),
    /^15: .*no group "managres"/,
  ],
  [
    'a grant that asks a group that is not there',
    () => asks('{ grant: git:read git/o/r, approval: always, approvers: nobody }'),
    /^16: .*no group "nobody"/,
  ],
  [
    'a grant that does not say whom it asks',
    () => asks('{ grant: git:read git/o/r, approval: always }').replace(/ {4}approval.*\n/, ''),
    /^15: .*say by `approvers`/,
  ],
  [
    'a grant with conditions that asks for nothing',
    () => asks('{ grant: git:read git/o/r, approvers: managers }'),
    /^16: .*approval/,
  ],
  [
    'more people than could',
    (text) => text.replace('{ group: managers }', '{ group: managers, count: 2 }'),
    /needs 2 of group "managers", which has 1 who could/,
  ],
  [
    'nobody who could sign in to approve',
    (text) => text.replace(/sign_in.*\n/, ''),
    /nobody can sign in to give it/,
  ],
  [
    'one login of two people',
    (text) => text.replace('email:ben@example.com', 'sub:anna'),
    /^8: sub:anna is "anna" already/,
  ],
  [
    'one address of two people, in other letters',
    (text) => text.replace('"sub:anna"', '"email:Ben@Example.com"'),
    /is "anna" already/,
  ],
  [
    'one account of two people',
    (text) => text.replace('["email:ben@example.com"]', '["sub:b"], ci: ["github:1"]'),
    /github:1 is "anna" already/,
  ],
  [
    'an account on an issuer that is not there',
    (text) => text.replace('github:1', 'gitlab:1'),
    /no issuer "gitlab"/,
  ],
  ['an account by its name', (text) => text.replace('github:1', 'github:anna'), /by its numeric id/],
  [
    'an account by its name, on CircleCI',
    (text) =>
      text
        .replace('github: { kind: github-actions }', `$&\n  circle: { kind: circleci, url: ${circle} }`)
        .replace('github:1', 'circle:anna'),
    /by its UUID/,
  ],
  [
    'an account on a CI whose tokens name a service account, not who triggered the build',
    (text) =>
      text
        .replace('github: { kind: github-actions }', '$&\n  google: { kind: google-cloud-build }')
        .replace('github:1', 'google:112233445566778899001'),
    /google-cloud-build do not say who triggered a run/,
  ],
  [
    'people who are known on another CI only',
    (text) =>
      text
        .replace('github: { kind: github-actions }', '$&\n  gitlab: { kind: gitlab }')
        .replace('github:1', 'gitlab:1'),
    /has 0 who could approve \(people with `ci` on "github"/,
  ],
  [
    'permissions of a group that is not there',
    (text) => text.replace('admin: [managers]', 'admin: [x]'),
    /no group "x"/,
  ],
  [
    'a provider in the clear',
    (text) => text.replace('https://people', 'http://people'),
    /over https:\/\/ only/,
  ],
  [
    'no openid',
    (text) => text.replace('client_id: x,', 'client_id: x, scopes: [email],'),
    /must include openid/,
  ],
  [
    'a claim without sign_in',
    (text) =>
      text
        .replace(/sign_in.*\n/, '')
        .replace(/ {4}approval.*\n/, '')
        .replace('[anna, ben] }', '[anna], claim: [x] }'),
    /needs sign_in/,
  ],
  [
    'two ways at once',
    (text) =>
      text.replace(
        '{ group: managers }',
        '{ group: managers, any: [{ group: managers }, { group: managers }] }',
      ),
    /one of `group`, `all`, `any`/,
  ],
  [
    'no way at all',
    (text) => text.replace('{ group: managers }', '{ reason: required }'),
    /one of `group`, `all`, `any`/,
  ],
  [
    'a count without a group',
    (text) =>
      text.replace('{ group: managers }', '{ count: 1, all: [{ group: managers }, { group: managers }] }'),
    /`count` stands beside `group`/,
  ],
  [
    'a count of none',
    (text) => text.replace('{ group: managers }', '{ group: managers, count: 0 }'),
    /count/,
  ],
  [
    'a day and more to wait',
    (text) => text.replace('{ group: managers }', '{ group: managers, expires: 25h }'),
    /at most 24h/,
  ],
  ['a login of no form', (text) => text.replace('sub:anna', 'anna'), /`email:ADDRESS`/],
  [
    'an unknown key',
    (text) => text.replace('{ group: managers }', '{ group: managers, expire: 1h }'),
    /did you mean "expires"/,
  ],
  [
    'an address that is none',
    (text) => `${text}notify:\n  x: { kind: slack, url: secret:s, addresses: [localhost] }\n`,
    /an IP address/,
  ],
  [
    'a webhook without a key',
    (text) => `${text}notify:\n  x: { kind: webhook, url: https://x.example }\n`,
    /key/,
  ],
  [
    'a webhook’s address in the open',
    (text) => `${text}notify:\n  x: { kind: slack, url: https://x.example }\n`,
    /secret:NAME/,
  ],
]
for (const [what, change, says] of wrong) {
  test(`refused: ${what}`, () => {
    const changed = change(base)
    assert.notEqual(changed, base)
    const problems = problemsOf(changed)
    assert.ok(
      problems.some((problem) => says.test(problem)),
      problems.join('\n') || 'nothing',
    )
  })
}
