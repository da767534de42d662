import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kindNames } from '../kinds/index.ts'
import {
  durationSeconds,
  formatProblem,
  maxDocumentBytes,
  parseConfig,
  policySchema,
  sizeBytes,
  type PolicyDocument,
} from './index.ts'

const base = `issuers:
  github: { kind: github-actions }
connections:
  github: { kind: git, url: https://github.com }
roles:
  build:
    trust: { issuer: github, repository_id: "1" }
    grants: [git:read github/octo/app]
`

function problemsOf(text: string): string[] {
  const parsed = parseConfig(text, 'mayfly.yaml', policySchema)
  return parsed.ok ? [] : parsed.problems.map(formatProblem)
}

function valueOf(text: string): PolicyDocument {
  const parsed = parseConfig(text, 'mayfly.yaml', policySchema)
  assert.ok(parsed.ok, problemsOf(text).join('\n'))
  return parsed.value
}

/** `base` with one thing in it replaced. */
function edited(from: string, to: string): string {
  assert.ok(base.includes(from))
  return base.replace(from, to)
}

test('a small policy, with its defaults', () => {
  assert.deepEqual(valueOf(base), {
    issuers: { github: { kind: 'github-actions', url: 'https://token.actions.githubusercontent.com' } },
    connections: { github: { kind: 'git', url: 'https://github.com' } },
    roles: {
      build: {
        trust: { issuer: 'github', repository_id: '1' },
        mode: 'enforce',
        ttl: '15m',
        isolation: 'namespace',
        egress: [],
        allow: [],
        services: [],
        limits: {
          memory: '16GiB',
          processes: 4_096,
          disk: '50GiB',
          open_files: 65_536,
          output: '1GiB',
        },
        grants: ['git:read github/octo/app'],
      },
    },
    logs: { keep: '30d', max_total: '10GiB', max_step: '100MiB' },
    recordings: { keep: '90d', max_total: '10GiB' },
    secrets: {},
    identity_tokens: { rotate_after: '90d', audiences: [] },
    cache: { size: '10GiB' },
    tests: [],
    egress: [],
    groups: {},
    notify: {},
    secret_stores: {},
    people: {},
  })
})

// Each row: what is wrong, the file, and the one problem it has, with file:line:column.
const mistakes: readonly (readonly [string, string, string | RegExp])[] = [
  [
    'unknown key at the top',
    `${base}egres: []\n`,
    'mayfly.yaml:9:1: unknown key "egres" in the file: did you mean "egress"?',
  ],
  [
    'unknown key like nothing',
    `${base}zzzzzzzz: 1\n`,
    /^mayfly\.yaml:9:1: unknown key "zzzzzzzz" in the file: known are audience, issuers/,
  ],
  [
    'unknown key in a role',
    edited('trust:', 'isolaton: none\n    trust:'),
    'mayfly.yaml:7:5: unknown key "isolaton" in roles.build: did you mean "isolation"?',
  ],
  [
    'unknown claim in trust',
    edited('"1" }', '"1", evnt: push }'),
    'mayfly.yaml:7:50: unknown key "evnt" in roles.build.trust: did you mean "event"?',
  ],
  [
    'unknown key in a member of a union by kind',
    edited('kind: git,', 'kind: git, uri: x,'),
    'mayfly.yaml:4:24: unknown key "uri" in connections.github: did you mean "url"?',
  ],
  [
    'unknown key in a credential',
    edited('com }', 'com, credential: { basik: secret:x } }'),
    'mayfly.yaml:4:63: unknown key "basik" in connections.github.credential: did you mean "basic"?',
  ],
  [
    'unknown key in an issuer',
    edited('github-actions }', 'github-actions, owner_ids: x }'),
    'mayfly.yaml:2:35: unknown key "owner_ids" in issuers.github: did you mean "owner_id"?',
  ],
  ['key __proto__ at the top', `${base}__proto__: {}\n`, /^mayfly\.yaml:9:1: unknown key "__proto__"/],
  [
    'key __proto__ in trust',
    edited('"1" }', '"1", __proto__: x }'),
    /^mayfly\.yaml:7:50: unknown key "__proto__"/,
  ],
  ['key constructor at the top', `${base}constructor: {}\n`, /^mayfly\.yaml:9:1: unknown key "constructor"/],
  [
    'key constructor in a connection',
    edited('kind: git,', 'kind: git, constructor: x,'),
    /^mayfly\.yaml:4:24: unknown key "constructor" in connections\.github/,
  ],
  [
    'role __proto__',
    `${base}  __proto__: { trust: { issuer: github, repository_id: "2" }, grants: [git:read github/a/b] }\n`,
    /^mayfly\.yaml:9:3: /,
  ],
  ['raw claim __proto__', edited('"1" }', '"1", claims: { __proto__: x } }'), /^mayfly\.yaml:7:\d+: /],
  [
    'two roles with the same name',
    `${base}  build:\n    grants: []\n`,
    'mayfly.yaml:9:3: this name is there twice: the second would silently win, so neither does',
  ],
  [
    'two keys of the same name in flow style',
    edited('kind: git,', 'kind: git, kind: npm,'),
    /^mayfly\.yaml:4:24: this name is there twice/,
  ],
  [
    'a quoted key beside the plain one',
    `${base}  "build":\n    grants: []\n`,
    /^mayfly\.yaml:9:3: this name is there twice/,
  ],
  [
    'no roles',
    `${base.split('roles:')[0]}roles: {}\n`,
    'mayfly.yaml:5:1: roles: define at least one role: without one nothing is granted',
  ],
  ['roles left out', base.split('roles:')[0] ?? '', 'mayfly.yaml:1:1: roles: is required'],
  ['roles null', `${base.split('roles:')[0]}roles:\n`, /^mayfly\.yaml:5:1: roles: /],
  [
    'no issuers',
    edited('github: { kind: github-actions }', '{}'),
    /^mayfly\.yaml:1:1: issuers: name at least one issuer/,
  ],
  [
    'no grants',
    edited('[git:read github/octo/app]', '[]'),
    /^mayfly\.yaml:8:5: roles\.build\.grants: a role without grants, egress and services can do nothing/,
  ],
  [
    'grants left out',
    edited('    grants: [git:read github/octo/app]\n', ''),
    'mayfly.yaml:7:5: roles.build.grants: is required',
  ],
  [
    'trust left out',
    edited('    trust: { issuer: github, repository_id: "1" }\n', ''),
    'mayfly.yaml:7:5: roles.build.trust: is required',
  ],
  [
    'trust without issuer',
    edited('issuer: github, ', ''),
    'mayfly.yaml:7:12: roles.build.trust.issuer: is required',
  ],
  [
    'an alias',
    `${edited('"1" }', '&id "1" }')}  other: { trust: { issuer: github, repository_id: *id }, grants: [git:read github/a/b] }\n`,
    /^mayfly\.yaml:9:52: YAML aliases are not accepted/,
  ],
  [
    'a number as id',
    edited('"1" }', '1296269 }'),
    'mayfly.yaml:7:30: roles.build.trust.repository_id: put quotes around the number: "1296269"',
  ],
  [
    'a number in a list of ids',
    edited('"1" }', '["1", 2] }'),
    'mayfly.yaml:7:51: roles.build.trust.repository_id.1: put quotes around the number: "2"',
  ],
  [
    'a number as owner',
    edited('github-actions }', 'github-actions, owner_id: 65781 }'),
    'mayfly.yaml:2:35: issuers.github.owner_id: put quotes around the number: "65781"',
  ],
  [
    'a number past 2^53',
    edited('"1" }', '12345678901234567890 }'),
    'mayfly.yaml:7:30: roles.build.trust.repository_id: put quotes around the number: "12345678901234567890"',
  ],
  [
    'a number with a trailing zero',
    edited('"1" }', '"1", ref: 1.10 }'),
    'mayfly.yaml:7:50: roles.build.trust.ref: put quotes around the number: "1.10"',
  ],
  [
    'an unknown kind',
    edited('kind: git,', 'kind: gti,'),
    `mayfly.yaml:4:13: connections.github.kind: "kind" must be one of ${kindNames.join(', ')}`,
  ],
  [
    'no kind',
    edited('kind: git, ', ''),
    `mayfly.yaml:4:11: connections.github.kind: "kind" must be one of ${kindNames.join(', ')}`,
  ],
  [
    'an unknown kind of issuer',
    edited('github-actions }', 'github }'),
    'mayfly.yaml:2:13: issuers.github.kind: "kind" must be one of github-actions, gitlab, circleci, buildkite, bitbucket, azure-devops, google-cloud-build, spacelift, terraform-cloud, jenkins, kubernetes, spiffe, oidc',
  ],
  [
    'no name of a role',
    edited('build:', 'Build_1:'),
    /^mayfly\.yaml:6:3: roles\.Build_1: a name has lower-case letters/,
  ],
  ['a list instead of the file', '- a\n', /^mayfly\.yaml:1:1: the file: /],
  ['a text instead of the file', 'hello\n', /^mayfly\.yaml:1:1: the file: /],
  ['two documents', `${base}---\n${base}`, /^mayfly\.yaml:9:1: Source contains multiple documents/],
  ['no YAML', `${base}x: [\n`, /^mayfly\.yaml:10:1: /],
  [
    'a ttl without unit',
    edited('    trust:', '    ttl: "15"\n    trust:'),
    /^mayfly\.yaml:7:5: roles\.build\.ttl: a duration such as/,
  ],
  [
    'a ttl of zero',
    edited('    trust:', '    ttl: 0m\n    trust:'),
    /^mayfly\.yaml:7:5: roles\.build\.ttl: a duration such as/,
  ],
  [
    'a ttl of more than a day',
    edited('    trust:', '    ttl: 25h\n    trust:'),
    /^mayfly\.yaml:7:5: roles\.build\.ttl: at most 24h/,
  ],
  [
    'an isolation that is none',
    edited('    trust:', '    isolation: chroot\n    trust:'),
    /^mayfly\.yaml:7:5: roles\.build\.isolation: /,
  ],
  [
    'an id with a 0 in front',
    edited('"1" }', '"01" }'),
    /repository_id: an id that is a number has no 0 in front/,
  ],
  ['an empty claim', edited('"1" }', '"" }'), /^mayfly\.yaml:7:30: roles\.build\.trust\.repository_id: /],
  [
    'an empty list of claims',
    edited('"1" }', '[] }'),
    /^mayfly\.yaml:7:30: roles\.build\.trust\.repository_id: /,
  ],
  [
    'a URL with a password',
    edited('https://github.com', 'https://me:pw@github.com'),
    /^mayfly\.yaml:4:24: connections\.github\.url: an https:\/\/ URL without user/,
  ],
  [
    'a URL with a query',
    edited('https://github.com', '"https://github.com?x=1"'),
    /^mayfly\.yaml:4:24: connections\.github\.url: /,
  ],
  [
    'a URL of another protocol',
    edited('https://github.com', 'ssh://github.com'),
    /^mayfly\.yaml:4:24: connections\.github\.url: /,
  ],
  [
    'a secret in place of its name',
    edited('com }', 'com, credential: { bearer: ghp_abc } }'),
    /^mayfly\.yaml:4:63: connections\.github\.credential\.bearer: a reference `secret:NAME`/,
  ],
  [
    'dial with a name',
    edited('com }', 'com, dial: "localhost:80" }'),
    /^mayfly\.yaml:4:49: connections\.github\.dial: an IP address and a port/,
  ],
  [
    'egress as a URL',
    `${base}egress: ["https://example.org"]\n`,
    /^mayfly\.yaml:9:10: egress\.0: a host, with a port unless it is 443: deb\.example\.org, .*no https:/,
  ],
  [
    'egress with a star inside',
    `${base}egress: ["deb.*.org:443"]\n`,
    /^mayfly\.yaml:9:10: egress\.0: a host, with a port unless/,
  ],
  ['YAML 1.1, in which `yes` is a boolean and `<<` merges', `%YAML 1.1\n---\n${base}`, /^mayfly\.yaml:1:1: /],
]
for (const [what, text, expected] of mistakes) {
  test(`refused: ${what}`, () => {
    const problems = problemsOf(text)
    assert.equal(problems.length, 1, problems.join('\n') || 'accepted')
    if (typeof expected === 'string') assert.equal(problems[0], expected)
    else assert.match(problems[0] ?? '', expected)
  })
}

test('an empty file says what is required', () => {
  for (const text of ['', '# nothing\n', 'null\n']) {
    assert.deepEqual(problemsOf(text), [
      'mayfly.yaml:1:1: issuers: is required',
      'mayfly.yaml:1:1: roles: is required',
    ])
  }
})

test('every mistake is told, not the first alone', () => {
  const problems = problemsOf(edited('trust: {', 'ttl: 1d\n    isolation: x\n    trust: { evnt: push,'))
  assert.deepEqual(new Set(problems.map((problem) => problem.split(':')[1])), new Set(['7', '8', '9']))
})

test('oversize is refused before it is parsed', () => {
  const text = `${base}${'#'.repeat(maxDocumentBytes)}`
  assert.deepEqual(problemsOf(text), [`mayfly.yaml:1:1: larger than ${maxDocumentBytes} bytes`])
  const fits = `${base}#${'é'.repeat((maxDocumentBytes - Buffer.byteLength(base) - 2) / 2)}`
  assert.deepEqual(problemsOf(fits), [])
})

test('deep nesting is refused, not a crash', () => {
  for (const text of [
    '['.repeat(5_000),
    `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
    '{a: '.repeat(5_000),
    '- '.repeat(5_000),
  ]) {
    assert.notEqual(problemsOf(text).length, 0)
  }
})

test('`constructor` is a name like any other', () => {
  const document = valueOf(base.replaceAll('build:', 'constructor:'))
  assert.deepEqual(Object.keys(document.roles), ['constructor'])
  assert.equal(document.roles['constructor']?.trust.repository_id, '1')
})

test('a boolean claim is its text', () => {
  assert.equal(
    valueOf(edited('"1" }', '"1", ref_protected: true }')).roles['build']?.trust.ref_protected,
    'true',
  )
})

test('a credential has one scheme', () => {
  const problems = problemsOf(edited('com }', 'com, credential: { basic: secret:a, bearer: secret:b } }'))
  assert.equal(problems.length, 1)
  // The key is known, only not beside the other: it is not what was "meant" instead of itself.
  assert.doesNotMatch(problems[0] ?? '', /did you mean "bearer"/)
})

test('a key of another kind is not suggested instead of itself', () => {
  const [problem = 'accepted'] = problemsOf(edited('github-actions }', 'github-actions, namespace_id: "1" }'))
  assert.match(problem, /^mayfly\.yaml:2:35: unknown key "namespace_id"/)
  assert.doesNotMatch(problem, /did you mean "namespace_id"/)
})

test('durationSeconds', () => {
  assert.deepEqual(['90s', '15m', '24h'].map(durationSeconds), [90, 900, 86_400])
})

test('locate finds values, list items and, for what is missing, the nearest parent', () => {
  const parsed = parseConfig(base, 'f', policySchema)
  assert.ok(parsed.ok)
  const at = (...path: PropertyKey[]) => Object.values(parsed.locate(path)).join(':')
  assert.equal(at('roles', 'build', 'grants', 0), 'f:8:14')
  assert.equal(at('roles', 'build', 'trust'), 'f:7:5')
  assert.equal(at('connections', 'github', 'ca'), 'f:4:11')
  assert.equal(at('roles', 'none'), 'f:6:3')
  assert.equal(at(), 'f:1:1')
})

test('how the steps of a role run: defaults, sizes, ports, and what is none of these', () => {
  const role = (more: string) => edited('    grants:', `    ${more}\n    grants:`)
  const read = valueOf(role('limits: { memory: 512MiB, time: 1h }')).roles['build']
  assert.equal(sizeBytes(read?.limits.memory ?? ''), 2 ** 29)
  assert.equal(read?.limits.processes, 4_096)
  assert.deepEqual([read?.allow, read?.services, read?.limits.time], [[], [], '1h'])
  for (const [text, problem] of [
    ['limits: { memory: 4 }', /memory/],
    ['limits: { memory: 4GB }', /512MiB or 4GiB/],
    ['limits: { ram: 4GiB }', /ram/],
    ['services: [0]', /a port/],
    ['services: [65536]', /a port/],
    ['allow: [everything]', /nested-namespaces/],
  ] as const)
    assert.match(problemsOf(role(text)).join('\n'), problem, text)
})
