import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGrant } from './grant.ts'
import type { TrustSubject } from './index.ts'
import { compileLimits, excessOf } from './limits.ts'
import { compilePolicy } from './policy.ts'
import { compileText, issuers, parsePolicy, policyText, refusalsOf } from './policy.fixture.ts'

const job: TrustSubject = {
  issuer: 'github',
  attributes: {
    repository: 'octo/app',
    repository_id: '1',
    owner_id: '65781',
    ref: 'refs/heads/main',
    event: 'push',
  },
  claims: {},
}

function assume(trust: string, attributes: Record<string, string> = {}) {
  const { policy } = compileText(policyText({ build: { trust } }))
  return policy.assume('build', { ...job, attributes: { ...job.attributes, ...attributes } })
}

// --- any.

const either =
  '{ issuer: github, repository_id: "1", any: [{ ref: "refs/tags/v*", event: push }, { environment: production, event: workflow_dispatch }] }'

test('any: one alternative beside the other conditions is enough', () => {
  assert.equal(assume(either, { ref: 'refs/tags/v1' }).allow, true)
  assert.equal(assume(either, { environment: 'production', event: 'workflow_dispatch' }).allow, true)
})

test('any: not assumed if no alternative holds as a whole; the nearest one is told', () => {
  // Half of the one and half of the other is neither.
  const assumption = assume(either, { environment: 'production' })
  assert.ok(!assumption.allow && assumption.reason === 'trust_mismatch')
  assert.deepEqual(assumption.mismatches, [
    { claim: 'ref', expected: ['refs/tags/v*'], got: 'refs/heads/main', alternative: 0 },
  ])
})

test('any: not assumed if a condition above the alternatives fails', () => {
  const assumption = assume(either, { ref: 'refs/tags/v1', repository_id: '2' })
  assert.ok(!assumption.allow && assumption.reason === 'trust_mismatch')
  assert.deepEqual(
    assumption.mismatches.map(({ claim }) => claim),
    ['repository_id'],
  )
})

test('any: pinned if every alternative pins an id', () => {
  const both = '{ issuer: github, event: push, any: [{ repository_id: "1" }, { owner_id: "7" }] }'
  assert.deepEqual(refusalsOf(policyText({ build: { trust: both } })), [])
  const [problem] = refusalsOf(
    policyText({
      build: {
        trust: '{ issuer: github, event: push, any: [{ repository_id: "1" }, { ref: refs/heads/main }] }',
      },
    }),
  )
  assert.match(problem ?? 'accepted', /any repository of issuer "github" could assume it/)
})

test('a claim that is named like a property of every object is not there unless the token has it', () => {
  for (const trust of [
    '{ issuer: any, subject: x, claims: { constructor: "*" } }',
    '{ issuer: any, subject: x, claims: { toString: "*" } }',
  ]) {
    const { policy } = compileText(policyText({ build: { trust } }))
    const subject = { issuer: 'any', attributes: { subject: 'x' }, claims: { other: 'y' } }
    assert.equal(policy.assume('build', subject).allow, false)
  }
})

// --- Names and ids.

const names: readonly (readonly [what: string, trust: string, refused: RegExp | undefined])[] = [
  ['a repository beside its id', '{ issuer: github, repository: octo/app, repository_id: "1" }', undefined],
  [
    'a repository beside its owner’s id',
    '{ issuer: github, repository: octo/app, owner_id: "1" }',
    /:12:30: role "build": repository may change hands: name repository_id beside it/,
  ],
  [
    'a repository on an issuer that is limited to one owner',
    '{ issuer: limited, repository: octo/app }',
    /repository may change hands/,
  ],
  [
    'a repository beside a pattern of ids',
    '{ issuer: github, owner_id: "1", repository: octo/app, repository_id: "1*" }',
    /repository may change hands/,
  ],
  ['an owner beside its id', '{ issuer: github, owner: octo, owner_id: "1" }', undefined],
  ['an owner beside a repository’s id', '{ issuer: github, owner: octo, repository_id: "1" }', undefined],
  [
    'an actor without id',
    '{ issuer: github, repository_id: "1", actor: octocat }',
    /actor may change hands: name actor_id/,
  ],
  [
    'a repository by the issuer’s own claim',
    '{ issuer: github, owner_id: "1", claims: { repository: octo/app } }',
    /repository may change hands/,
  ],
  [
    'a repository in an alternative, with an id in another',
    '{ issuer: github, owner_id: "1", any: [{ repository: octo/app }, { repository_id: "1" }] }',
    /:12:\d+: role "build": repository may change hands/,
  ],
  [
    'a repository with an id in every alternative',
    '{ issuer: github, repository: octo/app, any: [{ repository_id: "1" }, { repository_id: "2" }] }',
    undefined,
  ],
  [
    'a repository above alternatives of which one has no id of it',
    '{ issuer: github, repository: octo/app, any: [{ repository_id: "1" }, { owner_id: "2" }] }',
    /:12:30: role "build": repository may change hands/,
  ],
  ['a name that its author accepts', '{ issuer: limited, repository: octo/app, by_name: true }', undefined],
]
for (const [what, trust, refused] of names) {
  test(`names: ${what} is ${refused === undefined ? 'accepted' : 'refused when loaded'}`, () => {
    const problems = refusalsOf(policyText({ build: { trust } }))
    assert.equal(problems.length, refused === undefined ? 0 : 1, problems.join('\n'))
    if (refused !== undefined) assert.match(problems[0] ?? '', refused)
  })
}

// --- Outsiders.

const push = ['git:push github/octo/app@refs/tags/v*']
const outsiders: readonly (readonly [
  what: string,
  trust: string,
  grants: readonly string[],
  refused: boolean,
])[] = [
  ['any event, with writes', '{ issuer: github, repository_id: "1" }', push, true],
  [
    'pull_request_target by name',
    '{ issuer: github, repository_id: "1", event: pull_request_target }',
    push,
    true,
  ],
  ['a pattern of events', '{ issuer: github, repository_id: "1", event: "pull_request*" }', push, true],
  [
    'a protected branch of any event',
    '{ issuer: github, repository_id: "1", ref_protected: true }',
    push,
    true,
  ],
  [
    'one alternative of two',
    '{ issuer: github, repository_id: "1", any: [{ event: push }, { environment: x }] }',
    push,
    true,
  ],
  ['a fork by name', '{ issuer: gitlab, repository_id: "1", event: push, fork: true }', push, true],
  ['a fork’s merge request', '{ issuer: gitlab, repository_id: "1" }', push, true],
  ['an event', '{ issuer: github, repository_id: "1", event: [push, workflow_dispatch] }', push, false],
  [
    'an event by the issuer’s own claim',
    '{ issuer: github, repository_id: "1", claims: { event_name: push } }',
    push,
    false,
  ],
  ['tags', '{ issuer: github, repository_id: "1", ref: refs/tags/* }', push, false],
  ['a protected ref of GitLab', '{ issuer: gitlab, repository_id: "1", ref_protected: true }', push, false],
  ['no fork', '{ issuer: gitlab, repository_id: "1", fork: false }', push, false],
  ['any event, reading only', '{ issuer: github, repository_id: "1" }', ['git:read github/octo/app'], false],
]
for (const [what, trust, grants, refused] of outsiders) {
  test(`outsiders: a role for ${what} is ${refused ? 'refused' : 'accepted'} when loaded`, () => {
    const problems = refusalsOf(policyText({ build: { trust, grants } }))
    assert.equal(problems.length, refused ? 1 : 0, problems.join('\n'))
    if (refused)
      assert.match(problems[0] ?? '', /^mayfly\.yaml:12:5: role "build": a stranger could assume it/)
  })
}

// --- Limits.

const safe = '{ issuer: github, repository_id: "1", event: push, ref_protected: true }'
const limited: readonly (readonly [
  what: string,
  limits: string,
  role: { grants?: readonly string[]; more?: string },
  refused: RegExp | undefined,
])[] = [
  ['a ttl at the limit', '{ max_ttl: 15m }', {}, undefined],
  [
    'a ttl over the limit',
    '{ max_ttl: 10m }',
    { more: 'ttl: 11m' },
    /^mayfly\.yaml:14:5: role "build": ttl is over limits\.max_ttl \(600s\)/,
  ],
  [
    'a max_wait over the limit',
    '{ max_wait: 1h }',
    { more: 'max_wait: 2h' },
    /max_wait is over limits\.max_wait \(3600s\)/,
  ],
  ['no max_wait under a limit', '{ max_wait: 1h }', {}, undefined],
  [
    'no isolation',
    '{ isolation: namespace }',
    { more: 'isolation: none' },
    /limits\.isolation asks for namespace/,
  ],
  [
    'an isolation that is weaker than the limit',
    '{ isolation: container }',
    { more: 'isolation: namespace-no-pid' },
    /limits\.isolation asks for container/,
  ],
  [
    'a forbidden grant as written',
    '{ forbidden_grants: ["git:push github/octo/app@refs/tags/v*"] }',
    { grants: push },
    /^mayfly\.yaml:13:14: role "build": "git:push github\/octo\/app@refs\/tags\/v\*" reaches into what limits forbid/,
  ],
  [
    'a grant whose pattern reaches into a forbidden one',
    '{ forbidden_grants: ["git:push *@refs/heads/main"] }',
    { grants: ['git:push github/octo/app@refs/heads/*'] },
    /reaches into what limits forbid: "git:push \*@refs\/heads\/main"/,
  ],
  [
    'a grant beside the forbidden ones',
    '{ forbidden_grants: ["git:push *@refs/heads/main"] }',
    { grants: push },
    undefined,
  ],
  ['a forbidden connection', '{ forbidden_grants: ["* github"] }', {}, /limits forbid: "\* github"/],
  [
    'a grant that needs approval',
    '{ require_approval: ["git:push *"] }',
    { grants: push },
    /needs a role with approval, by limits\.require_approval "git:push \*"/,
  ],
  [
    'a limit on no known action',
    '{ forbidden_grants: ["git:psh *"] }',
    {},
    /limit "git:psh \*": no action is called git:psh/,
  ],
  [
    'a limit on no connection',
    '{ require_approval: ["git:push gihub"] }',
    {},
    /there is no connection "gihub"/,
  ],
  [
    'a limit on a branch that is not written as a ref',
    '{ forbidden_grants: ["git:push github/octo/app@main"] }',
    {},
    /write "git:push github\/octo\/app@refs\/heads\/main"/,
  ],
  [
    'a limit on the refs of an action that has none',
    '{ forbidden_grants: ["git:read github/octo/app@refs/heads/main"] }',
    {},
    /git:read names no ref/,
  ],
  [
    'a limit on an action of another kind of connection',
    '{ forbidden_grants: ["npm:install github"] }',
    {},
    /npm:install is for no connection called github/,
  ],
  [
    'a grant that includes a push which is forbidden',
    '{ forbidden_grants: ["git:push *@refs/heads/main"] }',
    { grants: ['git:force github/octo/app@refs/heads/*'] },
    /limits forbid: "git:push \*@refs\/heads\/main"/,
  ],
  [
    'rewriting alone, and a role that only pushes,',
    '{ forbidden_grants: ["git:force *", "git:delete *"] }',
    { grants: push },
    undefined,
  ],
  ['a limit on a package', '{ forbidden_grants: ["npm:install npmjs/@scope/*"] }', {}, undefined],
  ['a limit that is none', '{ forbidden_grants: ["everything"] }', {}, /is not of the form/],
]
for (const [what, limits, role, refused] of limited) {
  test(`limits: ${what} is ${refused === undefined ? 'accepted' : 'refused when loaded'}`, () => {
    const text = policyText({ build: { trust: safe, ...role } }, `limits: ${limits}\n`)
    // The role that keeps the connections used is held against the limits, too.
    const problems = refusalsOf(text).filter((problem) => !problem.includes('role "rest"'))
    assert.equal(problems.length, refused === undefined ? 0 : 1, problems.join('\n'))
    if (refused !== undefined) assert.match(problems[0] ?? '', refused)
  })
}

test('limits: a role with approval may hold what is kept for approval, and nothing that is forbidden', () => {
  const kinds = new Map([['github', 'git']])
  const config = { forbidden_grants: ['git:push *@refs/heads/main'], require_approval: ['git:push *'] }
  const { limits } = compileLimits(config, kinds, () => ({ file: 'f', line: 1, column: 1 }))
  const excess = (source: string, approval: boolean) => {
    const grant = parseGrant(source, kinds)
    assert.ok(typeof grant !== 'string')
    const grants = [{ ...grant, index: 0 }]
    return excessOf(
      { ttlSeconds: 60, maxWaitSeconds: 60, isolation: 'namespace', approval, grants, egress: [] },
      limits,
    ).length
  }
  assert.equal(excess('git:push github/octo/app@refs/tags/v*', true), 0)
  assert.equal(excess('git:push github/octo/app@refs/tags/v*', false), 1)
  assert.equal(excess('git:push github/octo/app@refs/heads/*', true), 1)
})

// --- Raw Cedar.

const cedar = (text: string) => ({ 'policies/more.cedar': text })
const wrongCedar: readonly (readonly [what: string, text: string, refused: RegExp])[] = [
  [
    'a permit',
    '\n  permit(principal, action, resource);',
    /^policies\/more\.cedar:2:3: Cedar may only forbid/,
  ],
  ['what is no Cedar', 'forbid(principal, action, resource', /^policies\/more\.cedar:1:\d+: Cedar: /],
  ['a template', 'forbid(principal == ?principal, action, resource);', /templates are not read/],
  [
    'an attribute that is none',
    '// é\nforbid(principal, action, resource) when { context.nope == "x" };',
    /^policies\/more\.cedar:2:44: Cedar: attribute `nope` in context not found/,
  ],
  [
    'an attribute that may be absent',
    'forbid(principal, action, resource) when { context.event == "x" };',
    /unable to guarantee safety of access to optional attribute/,
  ],
  ['an action that is none', 'forbid(principal, action == Mayfly::Action::"git:psh", resource);', /Cedar: /],
  [
    'a role that is none',
    'forbid(principal == Mayfly::Role::"biuld", action, resource);',
    /there is no role "biuld"/,
  ],
  [
    'a path that is not in lower case',
    'forbid(principal, action, resource) when { resource.path == "Octo/App" };',
    /write "Octo\/App" in lower case/,
  ],
  [
    'a pattern of paths that is not in lower case',
    'forbid(principal, action, resource) unless { resource.path like "Octo/*" };',
    /write "Octo\/\*" in lower case/,
  ],
  [
    'a list of paths that is not in lower case',
    'forbid(principal, action, resource) when { ["a/b", "Octo/App"].contains(resource.path) };',
    /write "Octo\/App" in lower case/,
  ],
  ['what can never hold', 'forbid(principal, action, resource) when { false };', /impossible/],
]
for (const [what, text, refused] of wrongCedar) {
  test(`Cedar: ${what} is refused when loaded`, () => {
    const [problem = 'accepted'] = refusalsOf(policyText({ build: { trust: safe } }), cedar(text))
    assert.match(problem, refused)
  })
}

test('Cedar: a forbid takes away what a grant gives, and says where it stands and why', () => {
  const { policy } = compileText(
    policyText({ build: { trust: safe, grants: ['git:push github/octo/app@refs/heads/*'] } }),
    cedar(
      '@reason("freeze until Monday")\nforbid(principal == Mayfly::Role::"build", action == Mayfly::Action::"git:push", resource)\nwhen { resource.ref == "refs/heads/main" && !(context has actor_id && context.actor_id == "7") };',
    ),
  )
  const main = { action: 'git:push', connection: 'github', path: 'octo/app', ref: 'refs/heads/main' }
  const decision = policy.decide('build', main, job)
  assert.ok(!decision.allow)
  assert.equal(decision.forbiddenBy, 'policies/more.cedar:2 (freeze until Monday)')
  assert.equal(policy.decide('build', { ...main, ref: 'refs/heads/dev' }, job).allow, true)
  const trusted = { ...job, attributes: { ...job.attributes, actor_id: '7' } }
  assert.equal(policy.decide('build', main, trusted).allow, true)
  // What looks at the ref has no say before there is one.
  const { ref: _, ...unnamed } = main
  assert.equal(policy.decideAnyRef('build', unnamed, job).allow, true)
})

test('Cedar: a part of what is granted by name is forbidden by its own name', () => {
  const digest = `sha256:${'b'.repeat(64)}`
  const text = policyText({ build: { trust: safe, grants: ['oci:pull images/octo/app@v*'] } }).replace(
    'connections:\n',
    'connections:\n  images: { kind: oci, url: https://images.example.com }\n',
  )
  const { policy } = compileText(
    text,
    cedar(`forbid(principal, action, resource) when { resource.ref == "${digest}" };`),
  )
  const part = { action: 'oci:pull', connection: 'images', path: 'octo/app' }
  assert.equal(policy.decideAnyRef('build', { ...part, ref: digest.replaceAll('b', 'c') }, job).allow, true)
  assert.equal(policy.decideAnyRef('build', { ...part, ref: digest }, job).allow, false)
})

test('Cedar: what forbids a whole repository forbids it before a ref is named, too', () => {
  const { policy } = compileText(
    policyText({ build: { trust: safe, grants: [...push, 'git:read github/octo/app'] } }),
    cedar('forbid(principal, action, resource) when { resource.path like "octo/*" };'),
  )
  const path = { connection: 'github', path: 'octo/app' }
  for (const action of ['git:push', 'git:read'])
    assert.equal(policy.decideAnyRef('build', { action, ...path }, job).allow, false)
})

test('Cedar and limits: another spelling of a name gets round neither', () => {
  const { policy } = compileText(
    policyText(
      {
        build: {
          trust: safe,
          grants: ['git:read github/*', 'git:push github/octo/app@refs/tags/*'],
          more: 'mode: shadow',
        },
      },
      'limits: { forbidden_grants: ["git:push github/octo/infra"] }\n',
    ),
    cedar('forbid(principal, action, resource) when { resource.path like "octo/secret*" };'),
  )
  for (const path of ['octo/secret', 'Octo/Secret', 'OCTO/secrets'])
    assert.equal(policy.decide('build', { action: 'git:read', connection: 'github', path }, job).allow, false)
  for (const path of ['octo/infra', 'Octo/INFRA']) {
    const tag = { action: 'git:push', connection: 'github', path, ref: 'refs/tags/x' }
    assert.equal(policy.decide('build', tag, job).allow, false)
  }
})

test('Cedar: forbids of two roles on one line are two', () => {
  const { policy } = compileText(
    policyText({ build: { trust: safe }, other: { trust: safe } }),
    cedar(
      'forbid(principal == Mayfly::Role::"build", action, resource) when { resource.path == "x/y" }; forbid(principal == Mayfly::Role::"other", action in [Mayfly::Action::"git:read"], resource);',
    ),
  )
  const read = { action: 'git:read', connection: 'github', path: 'octo/app' }
  assert.equal(policy.decide('build', read, job).allow, true)
  assert.equal(policy.decide('other', read, job).allow, false)
  assert.equal(policy.decide('build', read, job).allow, true)
})

test('Cedar: an action that names no ref has nothing more to say later, so all forbids are asked at once', () => {
  const { policy } = compileText(
    policyText({ build: { trust: safe } }),
    cedar('forbid(principal, action, resource) unless { resource.ref like "refs/tags/*" };'),
  )
  const read = { action: 'git:read', connection: 'github', path: 'octo/app' }
  assert.equal(policy.decideAnyRef('build', read, job).allow, false)
})

test('Cedar: an error while it is evaluated is a denial', () => {
  const { policy } = compileText(
    policyText({ build: { trust: safe } }),
    cedar('forbid(principal, action, resource) when { context.issuer == "gitlab" };'),
  )
  const read = { action: 'git:read', connection: 'github', path: 'octo/app' }
  assert.equal(policy.decide('build', read, job).allow, true)
  // A subject without what the schema promises: Cedar alone would skip the forbid and allow.
  const broken = { attributes: {} } as unknown as TrustSubject
  const decision = policy.decide('build', read, broken)
  assert.ok(!decision.allow)
  assert.match(decision.forbiddenBy ?? '', /^policies\/more\.cedar/)
})

// --- Shadow mode.

function shadowed(
  limits = '',
  grants: readonly string[] = ['git:read github/octo/app', 'npm:install npmjs/x'],
) {
  return compileText(policyText({ build: { trust: safe, grants, more: 'mode: shadow' } }, limits)).policy
}
const read = (connection: string, path: string) => ({ action: 'git:read', connection, path })

test('shadow: what a grant allows is allowed as ever', () => {
  assert.deepEqual(shadowed().decide('build', read('github', 'octo/app'), job), {
    allow: true,
    grant: 'git:read github/octo/app',
  })
})

test('shadow: another path on the same connection passes, with the grant that is missing', () => {
  const expected = { allow: true, grant: 'git:read github/octo/app', shadow: 'git:read github/octo/lib' }
  assert.deepEqual(shadowed().decide('build', read('github', 'octo/lib'), job), expected)
  assert.deepEqual(shadowed().decideAnyRef('build', read('github', 'octo/lib'), job), expected)
})

test('shadow: it ends with its day, and holds for no job that runs what nobody has reviewed', () => {
  const text = policyText({ build: { trust: safe, more: 'mode: shadow\n    until: 2026-12-24' } })
  const { value: document, locate } = parsePolicy(text)
  const at = (time: string) => {
    const compiled = compilePolicy(document, locate, issuers, {}, { nowMs: () => Date.parse(time) })
    assert.ok(compiled.ok)
    return compiled.policy
  }
  const lib = read('github', 'octo/lib')
  const last = at('2026-12-24T23:59:59.999Z')
  assert.equal(last.decide('build', lib, job).allow, true)
  assert.equal(last.decideAnyRef('build', lib, job).allow, true)
  for (const attributes of [{ event: 'pull_request' }, { event: 'merge_request_event' }, { fork: 'true' }])
    assert.equal(
      last.decide('build', lib, { ...job, attributes: { ...job.attributes, ...attributes } }).allow,
      false,
    )
  assert.equal(at('2026-12-25T00:00:00Z').decide('build', lib, job).allow, false)
  assert.equal(at('2026-12-25T00:00:00Z').decide('build', read('github', 'octo/app'), job).allow, true)
})

test('shadow: an end without it is refused, and so is what is no day', () => {
  for (const more of [
    'until: 2026-12-24',
    'mode: shadow\n    until: soon',
    'mode: shadow\n    until: 2026-02-30',
  ])
    assert.throws(() => parsePolicy(policyText({ build: { trust: safe, more } })), more)
})

test('shadow: never another connection', () => {
  assert.equal(shadowed().decide('build', read('other', 'octo/app'), job).allow, false)
})

test('shadow: never a write that the role was not given there; one that it was, on another ref', () => {
  const main = { action: 'git:push', connection: 'github', path: 'octo/app', ref: 'refs/heads/main' }
  assert.equal(shadowed().decide('build', main, job).allow, false)
  const pushes = shadowed('', push)
  assert.equal(pushes.decide('build', main, job).allow, true)
  assert.equal(pushes.decide('build', read('github', 'octo/lib'), job).allow, true, 'reading is less')
})

test('shadow: a role that pushes is let rewrite and delete nothing', () => {
  const main = { connection: 'github', path: 'octo/app', ref: 'refs/heads/main' }
  for (const action of ['git:force', 'git:delete'])
    assert.equal(shadowed('', push).decide('build', { action, ...main }, job).allow, false, action)
})

test('shadow: never what limits forbid, nor what they keep for approval', () => {
  for (const limits of [
    'limits: { forbidden_grants: ["git:push *@refs/heads/main"] }\n',
    'limits: { require_approval: ["git:push *@refs/heads/main"] }\n',
  ]) {
    const policy = shadowed(limits, push)
    const main = { action: 'git:push', connection: 'github', path: 'octo/app', ref: 'refs/heads/main' }
    assert.equal(policy.decide('build', main, job).allow, false, limits)
    assert.equal(policy.decide('build', { ...main, ref: 'refs/heads/dev' }, job).allow, true)
  }
})

test('shadow: never what Cedar forbids', () => {
  const text = policyText({ build: { trust: safe, more: 'mode: shadow' } })
  const { policy } = compileText(
    text,
    cedar('forbid(principal, action, resource) when { resource.path == "octo/secret" };'),
  )
  assert.equal(policy.decide('build', read('github', 'octo/lib'), job).allow, true)
  assert.equal(policy.decide('build', read('github', 'octo/secret'), job).allow, false)
})

test('shadow: trust is never waived', () => {
  const stranger = { ...job, attributes: { ...job.attributes, repository_id: '2' } }
  assert.equal(shadowed().assume('build', stranger).allow, false)
})

test('shadow: another role of the same policy gains nothing', () => {
  assert.equal(shadowed().decide('rest', read('github', 'octo/app'), job).allow, false)
})

test('Cedar: what would exhaust its stack is refused before it sees it, and decisions go on', () => {
  const deep: readonly string[] = [
    `${'('.repeat(200)}true${')'.repeat(200)}`,
    `${'!('.repeat(30)}true${')'.repeat(30)}`,
    `${'['.repeat(5_000)}${']'.repeat(5_000)} == []`,
    Array(500).fill('context.issuer == "a"').join(' && '),
    Array(500).fill('context.issuer == "a"').join(' || '),
    Array(500).fill('1').join(' + '),
    `${'if true then '.repeat(200)}true${' else false'.repeat(200)}`,
    `true } ${'when { true } '.repeat(200)} when { true`,
    `context.issuer == "${'x'.repeat(20_000)}"`,
  ]
  for (const condition of deep) {
    const [problem = 'accepted'] = refusalsOf(
      policyText({ build: { trust: safe } }),
      cedar(`forbid(principal, action, resource) when { ${condition} };`),
    )
    assert.match(
      problem,
      /^policies\/more\.cedar:1:\d+: Cedar: (?:over \d+|brackets nested)/,
      condition.slice(0, 30),
    )
  }
  const many = 'forbid(principal, action, resource) when { context.issuer == "a" };\n'.repeat(300)
  assert.match(refusalsOf(policyText({ build: { trust: safe } }), cedar(many))[0] ?? '', /over 200 policies/)
})

test('Cedar: brackets in strings and comments are only text', () => {
  const text = `// ${'('.repeat(100)}\nforbid(principal, action, resource) when { resource.path == "a/b" && context.issuer != "github" && context has environment && context.environment == "${'('.repeat(100)}\\"" };`
  assert.deepEqual(refusalsOf(policyText({ build: { trust: safe } }), cedar(text)), [])
})
