import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { draftPolicy } from '../draft.ts'
import { issuers, lintText, parsePolicy, policyText, type RoleText } from '../policy.fixture.ts'
import { escalation } from './escalation.ts'
import { lintRules } from './index.ts'
import { ownCode } from './own-code.ts'

/** What lint complains of in these roles: `rule severity place`. */
function found(roles: Readonly<Record<string, RoleText>>, more = ''): string[] {
  return lintText(policyText(roles, more)).flatMap(({ rule, severity, path }) =>
    severity === 'note' ? [] : [`${rule.id} ${severity} ${path.join('.')}`],
  )
}

const safe = 'issuer: github, repository_id: "1", event: push'
const push = ['git:push github/octo/app@refs/tags/v*']

test('bare-star: all that a service has is everything, too; what is limited by action or resource is not', () => {
  const aws = `  prod: { kind: aws, account: "123456789012", regions: [eu-west-1] }\n`
  const lint = (grant: string) => {
    const roles = { build: { trust: `{ ${safe}, ref_protected: true }`, grants: [grant] } }
    return lintText(policyText(roles).replace('connections:\n', `connections:\n${aws}`)).map(
      ({ rule }) => rule.id,
    )
  }
  for (const grant of ['aws:call prod/iam:*', 'aws:call prod/s3:*/*'])
    assert.ok(lint(grant).includes('bare-star'), grant)
  for (const grant of ['aws:read prod/iam:*', 'aws:call prod/s3:*/releases/*', 'aws:call prod/ecs:Update*'])
    assert.ok(!lint(grant).includes('bare-star'), grant)
})

test('own-code: advice for what could ask whether the run made what it brings, and does not', () => {
  const others = `  images: { kind: oci, url: https://images.test }
  prod: { kind: kubernetes, url: https://cluster.test }
`
  const notes = (...grants: (string | object)[]) => {
    const roles = { build: { trust: `{ ${safe}, ref_protected: true }`, grants } }
    return lintText(policyText(roles).replace('connections:\n', `connections:\n${others}`)).flatMap(
      ({ rule, severity, message }) => (rule === ownCode ? [`${severity}: ${message}`] : []),
    )
  }
  for (const [grant, better] of [
    [push[0], 'commit: own'],
    ['oci:push images/octo/app@v*', 'artifact: run'],
    ['k8s:apply prod/apps/deployments/web/*', 'artifact: run'],
    ['k8s:write prod/core/*/web/*', 'artifact: run'],
  ] as const)
    assert.deepEqual(notes(grant ?? ''), [
      `note: role "build": "${grant}" does not ask whether the run made what it writes: { grant: "${grant}", ${better} }`,
    ])
  assert.match(
    notes({ grant: push[0], approval: 'first' }).join(),
    /\{ grant: ".*", approval: first, commit: own \}$/,
  )
  assert.deepEqual(
    notes(
      { grant: push[0], commit: 'own' },
      { grant: 'k8s:write prod/apps/deployments/web/*', artifact: 'run' },
      'k8s:write prod/core/configmaps/web/*',
      'git:read github/octo/app',
      'git:delete github/octo/app@refs/heads/bot/*',
    ),
    [],
  )
})

test('every rule says why it matters and how to mend it', () => {
  for (const { id, title, why, fix } of lintRules) {
    assert.match(id, /^[a-z]+(?:-[a-z]+)*$/)
    for (const text of [title, why, fix]) assert.ok(text.length > 10, id)
  }
  assert.equal(new Set(lintRules.map(({ id }) => id)).size, lintRules.length)
})

// Each row: what is planted, the roles, and all that lint says of them.
const planted: readonly (readonly [
  what: string,
  roles: Record<string, RoleText>,
  expected: readonly string[],
])[] = [
  ['nothing', { build: { trust: `{ ${safe} }` } }, []],
  [
    'a role without an id',
    { build: { trust: '{ issuer: github, event: push }' } },
    ['any-repository error roles.build.trust'],
  ],
  [
    'a name without its id',
    { build: { trust: '{ issuer: github, event: push, owner_id: "1", repository: octo/app }' } },
    ['renamed-repository error roles.build.trust.repository'],
  ],
  [
    'a name that its author accepts',
    {
      build: { trust: '{ issuer: github, event: push, owner_id: "1", repository: octo/app, by_name: true }' },
    },
    ['renamed-repository warning roles.build.trust.repository'],
  ],
  [
    'any event',
    { build: { trust: '{ issuer: github, repository_id: "1" }' } },
    ['outsider error roles.build.trust'],
  ],
  [
    'writes from any branch',
    { build: { trust: `{ ${safe} }`, grants: push } },
    ['unprotected-ref error roles.build.trust'],
  ],
  [
    'writes from a branch by name',
    { build: { trust: `{ ${safe}, ref: refs/heads/main }`, grants: push } },
    ['unprotected-ref error roles.build.trust'],
  ],
  [
    'writes from a protected branch',
    { build: { trust: `{ ${safe}, ref_protected: true }`, grants: push } },
    [],
  ],
  [
    'moves any tag',
    {
      build: {
        trust: `{ ${safe}, ref_protected: true }`,
        grants: ['git:force github/octo/app@refs/*/v*', 'git:delete github/octo/app@refs/tags/v*'],
      },
    },
    ['moved-tags warning roles.build.grants.0', 'moved-tags warning roles.build.grants.1'],
  ],
  [
    'moves one tag by its name, and branches',
    {
      build: {
        trust: `{ ${safe}, ref_protected: true }`,
        grants: ['git:force github/octo/app@refs/tags/v1', 'git:delete github/octo/app@refs/heads/bot/*'],
      },
    },
    [],
  ],
  ['writes from tags', { build: { trust: `{ ${safe}, ref: "refs/tags/v*" }`, grants: push } }, []],
  [
    'writes from an environment',
    { build: { trust: `{ ${safe}, environment: production }`, grants: push } },
    [],
  ],
  [
    'writes from any environment',
    { build: { trust: `{ ${safe}, environment: "*" }`, grants: push } },
    ['unprotected-ref error roles.build.trust'],
  ],
  [
    'a protected branch in one alternative only',
    { build: { trust: `{ ${safe}, any: [{ ref_protected: true }, { actor_id: "1" }] }`, grants: push } },
    ['unprotected-ref error roles.build.trust'],
  ],
  [
    'a push to every repository',
    { build: { trust: `{ ${safe}, ref_protected: true }`, grants: ['git:push github/*@refs/tags/v1'] } },
    ['bare-star error roles.build.grants.0'],
  ],
  [
    'a push to every ref',
    { build: { trust: `{ ${safe}, ref_protected: true }`, grants: ['git:push github/octo/app@refs/*'] } },
    ['bare-star error roles.build.grants.0'],
  ],
  ['a read of everything', { build: { trust: `{ ${safe} }`, grants: ['git:read github/*'] } }, []],
  [
    'an issuer that is not there',
    { build: { trust: '{ issuer: nowhere, repository_id: "1" }' } },
    ['nobody error roles.build.trust'],
  ],
  [
    'conditions that exclude each other',
    { build: { trust: `{ ${safe}, ref: "refs/heads/*", any: [{ ref: "refs/tags/*" }] }` } },
    ['nobody error roles.build.trust'],
  ],
  [
    'one alternative that can never hold',
    {
      build: { trust: `{ ${safe}, ref: "refs/heads/*", any: [{ ref: "refs/tags/*" }, { actor_id: "1" }] }` },
    },
    ['nobody error roles.build.trust.any.0'],
  ],
  [
    'another owner than the issuer lets in',
    { build: { trust: '{ issuer: limited, owner_id: "7", event: push }' } },
    ['nobody error roles.build.trust'],
  ],
  [
    'what GitHub does not say',
    { build: { trust: `{ ${safe}, fork: false }` } },
    ['nobody error roles.build.trust.fork'],
  ],
  [
    'a stricter role whose jobs may assume a stronger one',
    {
      low: { trust: `{ ${safe}, ref: refs/heads/main, ref_protected: true }` },
      high: { trust: `{ ${safe}, ref_protected: true }`, grants: push },
    },
    ['escalation error roles.high.trust'],
  ],
  [
    'a stricter role whose jobs may assume one that writes less',
    {
      low: {
        trust: `{ ${safe}, ref: refs/heads/main, ref_protected: true }`,
        grants: ['git:push github/octo/*@refs/tags/*'],
      },
      high: { trust: `{ ${safe}, ref_protected: true }`, grants: push },
    },
    [],
  ],
  [
    'an alternative that opens a stronger role',
    {
      low: { trust: `{ ${safe}, ref_protected: true, actor_id: "1" }` },
      high: {
        trust:
          '{ issuer: github, repository_id: "1", ref_protected: true, any: [{ event: push }, { event: schedule }] }',
        grants: push,
      },
    },
    ['escalation error roles.high.trust'],
  ],
  [
    'a stricter role whose jobs may assume one that pushes elsewhere',
    {
      low: { trust: `{ ${safe}, ref: refs/heads/main, ref_protected: true }`, grants: push },
      high: {
        trust: `{ ${safe}, ref_protected: true }`,
        grants: ['git:push github/octo/app@refs/heads/pages'],
      },
    },
    ['escalation error roles.high.trust'],
  ],
  [
    'the everyday role of a repository that has a stricter one, too',
    {
      low: { trust: `{ ${safe}, ref_protected: true }`, grants: push },
      high: { trust: `{ ${safe} }`, grants: ['git:read github/octo/app', 'npm:install npmjs'] },
    },
    [],
  ],
  [
    'the same trust for a role that writes',
    {
      low: { trust: `{ ${safe}, ref_protected: true }` },
      high: { trust: `{ ${safe}, ref_protected: true }`, grants: push },
    },
    ['escalation warning roles.high.trust'],
  ],
  [
    'roles of two repositories',
    {
      low: { trust: `{ ${safe}, ref_protected: true }` },
      high: {
        trust: '{ issuer: github, repository_id: "2", event: push, ref_protected: true }',
        grants: push,
      },
    },
    [],
  ],
  [
    'shadow mode',
    { build: { trust: `{ ${safe} }`, more: 'mode: shadow' } },
    ['shadow warning roles.build.mode'],
  ],
  [
    'a shared workspace of a role that writes',
    {
      build: {
        trust: `{ ${safe}, ref_protected: true }`,
        grants: push,
        more: 'allow: [startup-variables, shared-workspace]',
      },
    },
    ['shared-workspace warning roles.build.allow.1'],
  ],
  [
    'a shared workspace of a role that only reads',
    { build: { trust: `{ ${safe} }`, more: 'allow: [shared-workspace]' } },
    [],
  ],
]
for (const [what, roles, expected] of planted) {
  test(`lint: ${what}`, () => assert.deepEqual(found(roles), expected))
}

test('lint: a role that may move any tag of a registry, and not one that may move the one it names', () => {
  const text = policyText({
    build: {
      trust: `{ ${safe}, ref_protected: true }`,
      grants: [
        'oci:force images/octo/app',
        'oci:delete images/octo/app@v*',
        'oci:force images/octo/app@latest',
        'oci:push images/octo/app',
      ],
    },
  }).replace('connections:\n', 'connections:\n  images: { kind: oci, url: https://images.example.com }\n')
  assert.deepEqual(
    lintText(text).flatMap(({ rule, path }) => (rule.id === 'moved-tags' ? [path.join('.')] : [])),
    ['roles.build.grants.0', 'roles.build.grants.1'],
  )
})

test('lint: a connection that can only be granted as a whole is no star', () => {
  const role = {
    trust: `{ ${safe}, ref_protected: true }`,
    grants: ['npm:install npmjs', 'git:read github/octo/app', 'tcp:connect orders', 'tcp:credential orders'],
  }
  const orders = `  orders: { kind: tcp, url: "tcp://db.internal:5432", credential: { postgres-role: { admin: secret:db } }, deliver: { env: { DB_PASSWORD: "{password}" } } }\n`
  const text = policyText({ build: role }).replace('connections:\n', `connections:\n${orders}`)
  assert.deepEqual(
    lintText(text).map(({ rule }) => rule.id),
    [],
  )
})

test('lint: a connection that nobody can reach', () => {
  const text = policyText({ build: { trust: `{ ${safe} }` } }).replace('npm:install npmjs, ', '')
  assert.deepEqual(
    lintText(text).map(({ rule, path }) => `${rule.id} ${path.join('.')}`),
    ['unused-connection connections.npmjs'],
  )
})

test('lint: two registries that may serve one package', () => {
  const places = (own: string, other: string) =>
    lintText(
      policyText({
        build: {
          trust: `{ ${safe} }`,
          grants: ['npm:install npmjs', 'npm:install mine', 'npm:install theirs'],
        },
      })
        .replace(/^ {2}npmjs: .*$/m, '  npmjs: { kind: npm, url: https://registry.npmjs.org, only: [z] }')
        .replace(
          'connections:\n',
          `connections:\n  mine: { kind: npm, url: https://own.test${own} }\n  theirs: { kind: npm, url: https://other.test${other} }\n`,
        ),
    ).map(({ rule, severity, path, refused }) => `${rule.id} ${severity} ${refused} ${path.join('.')}`)
  assert.deepEqual(places('', ''), ['registries warning undefined connections.theirs'])
  assert.deepEqual(places(', only: ["@octo/*"]', ''), [])
  assert.deepEqual(places(', only: ["@octo/*"]', ', only: ["@*/core"]'), [
    'registries error true connections.theirs.only',
  ])
  assert.deepEqual(places(', only: ["@octo/*"]', ', only: ["@other/*"]'), [])
})

const egressPlaces: readonly (readonly [entry: string, expected: string | undefined])[] = [
  ['"deb.example.org:443"', undefined],
  ['"*.example.org:443"', 'open-egress warning'],
  ['"*.com:443"', 'open-egress error'],
  ['"*.github.io:443"', 'open-egress error'],
  ['"*.s3.amazonaws.com:443"', 'open-egress error'],
  ['"*.core.windows.net:443"', 'open-egress error'],
  ['{ host: "nexus.corp.internal:443", private: true }', 'private-egress warning'],
]
for (const [entry, expected] of egressPlaces)
  test(`lint: egress ${entry}`, () => {
    const places = (text: string) =>
      lintText(text).map(({ rule, severity, path }) => `${rule.id} ${severity} ${path.join('.')}`)
    const role = policyText({ build: { trust: `{ ${safe} }`, more: `egress: [${entry}]` } })
    assert.deepEqual(places(role), expected === undefined ? [] : [`${expected} roles.build.egress.0`])
    if (!entry.startsWith('"')) return
    const all = policyText({ build: { trust: `{ ${safe} }` } }, `egress: [${entry}]\n`)
    assert.deepEqual(places(all), expected === undefined ? [] : [`${expected} egress.0`])
  })

test('lint: approval is a boundary of its own', () => {
  const text = policyText({
    low: { trust: `{ ${safe}, ref: refs/heads/main, ref_protected: true }` },
    high: { trust: `{ ${safe}, ref_protected: true }`, grants: push },
  })
  const { value, locate } = parsePolicy(text)
  const draft = draftPolicy(value, locate, issuers)
  const withApproval = draft.roles.map((role) => ({ ...role, approval: role.name === 'high' }))
  assert.deepEqual(escalation.check({ ...draft, roles: withApproval }), [])
  assert.equal(escalation.check(draft).length, 1)
})

// --- A generator that knows what it plants.

interface Generated {
  readonly role: RoleText
  /** The rules that must speak, and no other may. */
  readonly planted: readonly string[]
}

const id = fc.stringMatching(/^[1-9][0-9]{3,8}$/)
const word = fc.stringMatching(/^[a-z]{1,6}$/)
const event = fc.constantFrom('push', '[push, workflow_dispatch]', 'schedule')
const strangersEvent = fc.constantFrom(
  undefined,
  '"*"',
  'pull_request_target',
  '"pull_request*"',
  '[push, issue_comment]',
)
const guard = fc.constantFrom(
  'ref_protected: true',
  'ref: "refs/tags/v*"',
  'ref: refs/tags/v1',
  'environment: production',
)
const noGuard = fc.constantFrom(
  undefined,
  'ref: refs/heads/main',
  'ref: "refs/*"',
  'environment: "prod*"',
  'ref_protected: ["true", "false"]',
)

/** A role whose every part is either safe or planted, each by the toss of a coin. */
const generated: fc.Arbitrary<Generated> = fc
  .record({
    id,
    word,
    event,
    strangersEvent,
    guard,
    noGuard,
    unpinned: fc.option(fc.constantFrom(undefined, 'repository_id: "1*"', 'ref: refs/heads/x'), {
      nil: null,
      freq: 4,
    }),
    named: fc.constantFrom('none', 'beside', 'alone', 'accepted'),
    open: fc.boolean(),
    loose: fc.boolean(),
    writes: fc.boolean(),
    star: fc.boolean(),
    split: fc.boolean(),
  })
  .map((toss) => {
    const rules: string[] = []
    const parts: (string | undefined)[] = []
    if (toss.unpinned === null)
      parts.push(
        `${toss.named === 'alone' || toss.named === 'accepted' ? 'owner_id' : 'repository_id'}: "${toss.id}"`,
      )
    else {
      if (toss.unpinned?.startsWith('repository_id') === true) parts.push(toss.unpinned)
      rules.push('any-repository')
    }
    if (toss.named !== 'none') {
      parts.push(`repository: ${toss.word}/${toss.word}`)
      if (toss.named === 'accepted') parts.push('by_name: true')
      if (toss.named !== 'beside' || toss.unpinned !== null) rules.push('renamed-repository')
    }
    const guarded = toss.writes && !toss.loose ? toss.guard : toss.noGuard
    const isTag = guarded?.startsWith('ref: "refs/tags') === true || guarded === 'ref: refs/tags/v1'
    if (toss.open) {
      if (toss.strangersEvent !== undefined) parts.push(`event: ${toss.strangersEvent}`)
      // A job that a stranger starts runs on a branch.
      if (!isTag) rules.push('outsider')
    } else parts.push(`event: ${toss.event}`)
    if (toss.writes && toss.loose) rules.push('unprotected-ref')
    if (toss.writes && toss.star) rules.push('bare-star')
    // The guard stands above the alternatives, or in every one of them: the same to everybody.
    if (toss.split && guarded !== undefined)
      parts.push(`any: [{ ${guarded}, actor_id: "1" }, { ${guarded}, actor_id: "2" }]`)
    else parts.push(guarded)
    const path = toss.star ? '*' : `${toss.word}/${toss.word}`
    const role = {
      trust: `{ issuer: github, ${parts.filter((part) => part !== undefined).join(', ')} }`,
      grants: [toss.writes ? `git:push github/${path}@refs/tags/v*` : `git:read github/${path}`],
    }
    return { role, planted: rules.toSorted() }
  })

test('property: lint finds every over-broad rule that is planted, and is silent on what is safe', () => {
  fc.assert(
    fc.property(generated, ({ role, planted: expected }) => {
      const findings = lintText(policyText({ build: role }))
      const rules = findings.flatMap(({ rule, severity }) => (severity === 'note' ? [] : [rule.id]))
      assert.deepEqual([...new Set(rules)].toSorted(), expected, role.trust)
    }),
    { numRuns: 1500 },
  )
})
