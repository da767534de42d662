import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatProblem, parseConfig, policySchema } from '../config/index.ts'
import { actionNamed, actionNames } from '../kinds/index.ts'
import { ask, compileSlice, evaluate } from './cedar.ts'
import { grantFor, isGrantText, parseGrant, refHint, type Grant } from './grant.ts'
import { compilePolicy, describeOperation, type IssuerFacts, type Operation, type Policy } from './index.ts'
import { githubFacts } from './policy.fixture.ts'
import { runs } from '../../test/whole.ts'

const factsOf = (pins: readonly string[]): IssuerFacts => ({
  ...githubFacts,
  kind: 'oidc',
  pins,
  ids: {},
  forms: {},
  documented: {},
})
const issuers = new Map([
  ['github', factsOf(['repository_id', 'owner_id'])],
  ['mine', factsOf([])],
  // A raw claim, by whichever of its two names the issuer's profile calls it.
  ['other', factsOf(['subject', 'team', 'claims.team'])],
])

const document = (trust: string, grants: readonly string[], more = '') => `issuers:
  github: { kind: github-actions }
connections:
  github: { kind: git, url: https://github.com }
  npmjs: { kind: npm, url: https://registry.example.com }
roles:
  build:
    trust: ${trust}
    grants: ${JSON.stringify(grants)}
  rest:
    trust: { issuer: mine }
    grants: [npm:install npmjs, git:read github/rest/rest]
${more}`

function compile(text: string): Policy | string[] {
  const parsed = parseConfig(text, 'mayfly.yaml', policySchema)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.problems.map(formatProblem).join('\n'))
  const compiled = compilePolicy(parsed.value, parsed.locate, issuers)
  return compiled.ok ? compiled.policy : compiled.problems.map(formatProblem)
}

/** The policy, asked for one job. */
function policyOf(trust: string, grants: readonly string[] = ['git:read github/octo/app']) {
  const compiled = compile(document(trust, grants))
  assert.ok(!Array.isArray(compiled), String(compiled))
  return {
    assume: compiled.assume,
    namedClaims: compiled.namedClaims,
    decide: (role: string, operation: Operation) => compiled.decide(role, operation, job),
    decideAnyRef: (role: string, operation: Operation) => compiled.decideAnyRef(role, operation, job),
  }
}

function problemsOf(text: string): string[] {
  const compiled = compile(text)
  return Array.isArray(compiled) ? compiled : []
}

const pinned = '{ issuer: github, repository_id: "1" }'
const job = {
  issuer: 'github',
  attributes: { repository_id: '1', ref: 'refs/heads/main', event: 'push', environment: 'production' },
  claims: { base_ref: 'main', enterprise: 'octo' },
}

function assumed(
  trust: string,
  attributes: Record<string, string | undefined> = {},
  claims: Record<string, string> = {},
) {
  const subject = {
    issuer: 'github',
    attributes: { ...job.attributes, ...attributes },
    claims: { ...job.claims, ...claims },
  }
  return policyOf(trust).assume('build', subject)
}

// --- Trust.

test('a role is assumed by a job that meets every condition', () => {
  const assumption = policyOf(
    '{ issuer: github, repository_id: "1", ref: refs/heads/*, event: [push, tag], claims: { base_ref: main } }',
  ).assume('build', job)
  assert.ok(assumption.allow)
  assert.equal(assumption.role.name, 'build')
  assert.equal(assumption.role.ttlSeconds, 900)
})

const conditions =
  '{ issuer: github, repository_id: "1", ref: refs/heads/main, event: [push, tag], environment: prod*, claims: { base_ref: main } }'
const failing: readonly (readonly [
  string,
  Record<string, string | undefined>,
  Record<string, string>,
  string,
  readonly string[],
  string | null,
])[] = [
  ['another repository', { repository_id: '2' }, {}, 'repository_id', ['1'], '2'],
  ['another ref', { ref: 'refs/heads/main2' }, {}, 'ref', ['refs/heads/main'], 'refs/heads/main2'],
  ['an event off the list', { event: 'pull_request' }, {}, 'event', ['push', 'tag'], 'pull_request'],
  ['no environment', { environment: undefined }, {}, 'environment', ['prod*'], null],
  ['an environment that only ends so', { environment: 'nonprod' }, {}, 'environment', ['prod*'], 'nonprod'],
  ['another raw claim', {}, { base_ref: 'dev' }, 'base_ref', ['main'], 'dev'],
]
for (const [what, attributes, claims, claim, expected, got] of failing) {
  test(`not assumed: ${what}; the mismatch says so`, () => {
    const assumption = assumed(conditions, attributes, claims)
    assert.deepEqual(assumption, {
      allow: false,
      role: 'build',
      reason: 'trust_mismatch',
      mismatches: [{ claim, expected, got }],
    })
  })
}

test('not assumed: several conditions fail, each is told', () => {
  const assumption = assumed(conditions, { ref: 'x', event: 'y' })
  assert.ok(!assumption.allow && assumption.reason === 'trust_mismatch')
  assert.deepEqual(
    assumption.mismatches.map(({ claim }) => claim),
    ['ref', 'event'],
  )
})

test('not assumed: a job of another issuer, whose other claims are not even looked at', () => {
  const assumption = policyOf(pinned).assume('build', { ...job, issuer: 'gitlab' })
  assert.ok(!assumption.allow && assumption.reason === 'trust_mismatch')
  assert.deepEqual(assumption.mismatches, [{ claim: 'issuer', expected: ['github'], got: 'gitlab' }])
})

test('not assumed: an unknown role, and one named like a property', () => {
  for (const role of ['deploy', '', 'constructor', '__proto__', 'toString']) {
    assert.deepEqual(policyOf(pinned).assume(role, job), {
      allow: false,
      role,
      reason: 'role_unknown',
      known: ['build', 'rest'],
    })
  }
})

test('claim patterns are anchored as a whole, and `|` is literal', () => {
  const trust = '{ issuer: github, repository_id: "1", ref: "refs/heads/main|refs/heads/dev" }'
  for (const ref of ['refs/heads/main', 'refs/heads/dev', 'refs/heads/main-evil', 'evil/refs/heads/dev']) {
    assert.equal(assumed(trust, { ref }).allow, false, ref)
  }
  for (const ref of ['xrefs/tags/v1', 'refs/tags/', 'refs/tags/V1', '\nrefs/tags/v1']) {
    assert.equal(
      assumed('{ issuer: github, repository_id: "1", ref: refs/tags/v* }', { ref }).allow,
      false,
      ref,
    )
  }
})

test('a raw claim and an attribute of the same name are two things', () => {
  const trust = '{ issuer: github, repository_id: "1", claims: { ref: raw } }'
  assert.equal(assumed(trust, { ref: 'raw' }).allow, false)
  assert.equal(assumed(trust, {}, { ref: 'raw' }).allow, true)
})

test('raw claims named like properties of objects match nothing that is not there', () => {
  const claims = Object.assign(Object.create(null) as Record<string, string>, job.claims)
  const assumption = policyOf('{ issuer: github, repository_id: "1", claims: { constructor: "*" } }').assume(
    'build',
    { ...job, claims },
  )
  assert.equal(assumption.allow, false)
})

test('a record keeps the raw claims that some rule of the issuer looks at, in any alternative, and no other', () => {
  const trust =
    '{ issuer: github, repository_id: "1", claims: { team: x }, any: [{ claims: { tier: y } }, { ref: z }] }'
  const named = (issuer: string, claims: Record<string, string>) =>
    policyOf(trust).namedClaims({ ...job, issuer, claims })
  const claims = { team: 'red', tier: 'gold', email: 'anna@example.com', ref: 'raw' }
  assert.deepEqual(named('github', claims), { team: 'red', tier: 'gold' })
  assert.deepEqual(named('github', { tier: 'gold' }), { tier: 'gold' })
  assert.deepEqual(named('mine', claims), {})
  assert.deepEqual(named('nobody', claims), {})
})

// --- Pins.

const unpinned: readonly (readonly [string, string])[] = [
  ['no id', '{ issuer: github }'],
  ['a repository by name only', '{ issuer: github, repository: octo/app }'],
  ['an id with a star', '{ issuer: github, repository_id: "1*" }'],
  ['an id that is a star', '{ issuer: github, repository_id: "*" }'],
  ['one star in a list of ids', '{ issuer: github, repository_id: ["1", "2*"] }'],
  ['the right id as a raw claim of that name only', '{ issuer: github, claims: { owner_id: "1" } }'],
]
for (const [what, trust] of unpinned) {
  test(`refused when loaded: ${what}`, () => {
    assert.deepEqual(problemsOf(document(trust, ['git:read github/a/b'])), [
      'mayfly.yaml:8:5: role "build": any repository of issuer "github" could assume it: pin repository_id or owner_id to a literal value',
    ])
  })
}

test('pinned by one literal id, or a list of them; or the issuer lets nobody else in', () => {
  for (const trust of [
    pinned,
    '{ issuer: github, owner_id: "7" }',
    '{ issuer: github, repository_id: ["1", "2"] }',
    '{ issuer: mine }',
  ]) {
    assert.deepEqual(problemsOf(document(trust, ['git:read github/a/b'])), [])
  }
})

test('refused when loaded: a raw claim that is only called like the pinned attribute', () => {
  assert.equal(
    problemsOf(document('{ issuer: other, claims: { subject: x } }', ['git:read github/a/b'])).length,
    1,
  )
})

test('any OIDC: a raw claim pins what the issuer was configured to need', () => {
  assert.deepEqual(
    problemsOf(document('{ issuer: other, claims: { team: a } }', ['git:read github/a/b'])),
    [],
  )
  assert.deepEqual(problemsOf(document('{ issuer: other, subject: a }', ['git:read github/a/b'])), [])
  assert.equal(
    problemsOf(document('{ issuer: other, claims: { team: "a*" } }', ['git:read github/a/b'])).length,
    1,
  )
})

test('refused when loaded: an issuer that is not there', () => {
  assert.deepEqual(problemsOf(document('{ issuer: nobody, repository_id: "1" }', ['git:read github/a/b'])), [
    'mayfly.yaml:8:5: role "build": there is no issuer "nobody"',
  ])
})

test('refused when loaded: a connection that nobody can reach', () => {
  const text = document(pinned, ['git:read github/a/b']).replace(
    'roles:',
    '  lonely: { kind: git, url: https://example.com }\nroles:',
  )
  assert.deepEqual(problemsOf(text), [
    'mayfly.yaml:6:3: nobody can reach connection "lonely": grant it in a role or remove it',
  ])
})

test('every problem of a policy is told', () => {
  assert.equal(
    problemsOf(document('{ issuer: github }', ['git:reed github/a/b', 'npm:install nowhere'])).length,
    3,
  )
})

// --- Grants.

const kinds = new Map([
  ['github', 'git'],
  ['npmjs', 'npm'],
])

const goodGrants: readonly (readonly [string, Omit<Grant, 'source'>])[] = [
  [
    'git:read github/octo/app',
    { action: 'git:read', connection: 'github', path: 'octo/app', ref: undefined },
  ],
  ['git:read github/*', { action: 'git:read', connection: 'github', path: '*', ref: undefined }],
  [
    'git:push github/octo/app@refs/heads/*',
    { action: 'git:push', connection: 'github', path: 'octo/app', ref: 'refs/heads/*' },
  ],
  [
    'git:push github/octo/a@refs/heads/"größe",#1@x',
    { action: 'git:push', connection: 'github', path: 'octo/a', ref: 'refs/heads/"größe",#1@x' },
  ],
  ['npm:install npmjs', { action: 'npm:install', connection: 'npmjs', path: '*', ref: undefined }],
  [
    'npm:install npmjs/@octo/app',
    { action: 'npm:install', connection: 'npmjs', path: '@octo/app', ref: undefined },
  ],
]
for (const [source, grant] of goodGrants) {
  test(`grant: ${source}`, () => assert.deepEqual(parseGrant(source, kinds), { source, ...grant }))
}

const badGrants: readonly (readonly [string, string, RegExp])[] = [
  ['empty', '', /is not of the form/],
  ['no connection', 'git:read', /is not of the form/],
  ['two spaces', 'git:read  github/a/b', /is not of the form/],
  ['a space at the end', 'git:read github/a/b ', /is not of the form/],
  ['a line break at the end', 'git:read github/a/b\n', /is not of the form/],
  ['a space in the path', 'git:read github/a b', /could never match/],
  ['a slash and nothing', 'git:read github/', /is not of the form/],
  ['no colon', 'gitread github/a/b', /unknown action "gitread"/],
  ['upper-case action', 'Git:read github/a/b', /unknown action "Git:read"/],
  ['upper-case connection', 'git:read GitHub/a/b', /no connection "GitHub"; did you mean "github"/],
  ['an unknown action', 'git:reed github/a/b', /unknown action "git:reed"; did you mean "git:read"/],
  ['an unknown connection', 'git:read gitlab/a/b', /there is no connection "gitlab"/],
  [
    'a connection of another kind',
    'git:read npmjs/a/b',
    /connection "npmjs" is of kind npm, git:read needs git/,
  ],
  ['no repository', 'git:read github', /say which repository: "git:read github\/owner\/name"/],
  ['no ref to push to', 'git:push github/a/b', /say which ref: "git:push github\/a\/b@refs\/heads\/main"/],
  [
    'a ref that is not a full one',
    'git:push github/a/b@main',
    /write "git:push github\/a\/b@refs\/heads\/main"/,
  ],
  ['a ref to read', 'git:read github/a/b@refs/heads/main', /git:read cannot be limited to a ref/],
  ['a ref to install', 'npm:install npmjs/a@refs/heads/main', /npm:install cannot be limited to a version/],
  ['a regular expression', 'git:read github/a/(b|c)', /could never match: its path is not/],
  ['a quote', 'git:read github/a"b', /could never match: its path is not/],
  ['a backslash', 'git:read github/a\\b', /could never match: its path is not/],
  ['a question mark', 'git:read github/a?b', /could never match: its path is not/],
  ['percent', 'git:read github/a%2fb', /could never match: its path is not/],
  ['NUL', 'git:read github/a\0b', /could never match: its path is not/],
  ['letters beyond ASCII', 'git:read github/ä/b', /could never match: its path is not/],
  ['a repository with .git', 'git:read github/a/b.git', /write "git:read github\/a\/b"/],
  ['a pattern of repositories with .git', 'git:read github/a/*.git', /write "git:read github\/a\/\*"/],
  ['a doubled slash', 'git:read github/a//b', /write "git:read github\/a\/b"/],
  ['a slash in front', 'git:read github//a/b', /write "git:read github\/a\/b"/],
  ['a slash at the end', 'git:push github/a/b/@refs/heads/x', /write "git:push github\/a\/b@refs\/heads\/x"/],
  ['a dot part', 'git:read github/./a/b', /write "git:read github\/a\/b"/],
  ['a part that leads upward', 'git:read github/a/../b', /without empty, `\.` or `\.\.` parts$/],
  ['a short ref', 'git:push github/a/b@refs/main', /write "git:push github\/a\/b@refs\/heads\/main"/],
  [
    'a ref with a slash at the end',
    'git:push github/a/b@refs/heads/x/',
    /write "git:push github\/a\/b@refs\/heads\/x"/,
  ],
  ['a ref that git refuses', 'git:push github/a/b@refs/heads/x.lock', /its ref is not a full ref/],
  ['a pattern of refs that git refuses', 'git:push github/a/b@refs/heads/*..*', /its ref is not a full ref/],
  ['a ref with ~', 'git:push github/a/b@refs/heads/a~1', /its ref is not a full ref/],
  ['a ref that cannot be seen', 'git:push github/a/b@refs/heads/a\u202eb', /its ref is not a full ref/],
  ['a path that is no package', 'npm:install npmjs/octo/app', /its path is not a package/],
  ['a scope without a name', 'npm:install npmjs/@octo', /its path is not a package/],
  ['a version of a package', 'npm:install npmjs/ms@1.0.0', /npm:install cannot be limited to a version/],
]
for (const [what, source, expected] of badGrants) {
  test(`no grant: ${what}`, () => {
    const parsed = parseGrant(source, kinds)
    assert.equal(typeof parsed, 'string')
    assert.match(parsed as string, expected)
  })
}

test('a bad grant is refused when loaded, where it stands', () => {
  const problems = problemsOf(document(pinned, ['git:read github/a/b', 'git:reed github/a/b']))
  assert.deepEqual(problems, [
    'mayfly.yaml:9:36: grant "git:reed github/a/b": unknown action "git:reed"; did you mean "git:read"?',
  ])
})

test('property: nothing in a grant’s text leaves the Cedar string it stands in', () => {
  const hostile = fc.constantFrom(
    '"',
    '\\',
    '\n',
    '\r',
    '\0',
    "'",
    '`',
    '${',
    '}',
    ';',
    ')',
    '//',
    ' || true',
    '\u2028',
    '*',
    '?',
    'a',
    '/',
    '\\u{22}',
    '\\"',
    '@refs/',
  )
  const text = fc.array(hostile, { maxLength: 8 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.constantFrom('git:read', 'git:push'), text, text, (action, path, ref) => {
      const grant = parseGrant(`${action} github/a${path}@refs/${ref}`, kinds)
      if (typeof grant === 'string') return
      for (const part of [grant.path, grant.ref ?? '', grant.connection, grant.action])
        assert.match(part, /^[^\\\s\0?]*$/)
      // What comes through compiles, to exactly one permit.
      assert.equal(compileSlice([grant]).grants.size, 1)
    }),
    { numRuns: runs(300, 1000) },
  )
})

test('a grant’s text stays in the Cedar string it stands in, had the grammar been got round', () => {
  const grant: Grant = { source: 'x', action: 'git:read', connection: 'github', path: '', ref: undefined }
  const subject = { issuer: 'github', attributes: {} }
  const operation = { action: 'git:read', connection: 'github', path: 'b' }
  for (const path of [
    'a" || true || resource.path like "b',
    'a"',
    'a\\',
    'a\\"',
    'a\n"',
    `a" }; permit(principal, action, resource); //`,
  ])
    assert.ok(
      !ask(compileSlice([{ ...grant, path }]).id, { role: 'build', operation, subject }, {}).allow,
      path,
    )
})

test('property: what Cedar was asked once for many holds for each of them', () => {
  const subject = { issuer: 'github', attributes: {} }
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '%', '/'), maxLength: 4 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '%', '/'), maxLength: 5 })
  const grant = fc
    .tuple(fc.constantFrom('git:read', 'git:push'), pattern, fc.option(pattern, { nil: undefined }))
    .map(([action, path, ref]): Grant => ({ source: 'x', action, connection: 'github', path, ref }))
  fc.assert(
    fc.property(
      fc.array(grant, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(text, text), { maxLength: 12 }),
      (grants, asked) => {
        const slice = compileSlice(grants)
        for (const [path, ref] of asked) {
          const operation = { action: 'git:read', connection: 'github', path, ref }
          const request = { role: 'build', operation, subject }
          const said = ask(slice.id, request, {}).reasons.flatMap((id) => slice.grants.get(id) ?? [])
          assert.deepEqual(new Set(evaluate(slice, request)), new Set(said))
        }
      },
    ),
    { numRuns: runs(70, 200) },
  )
})

test('Cedar is asked once for thousands of keys that the same grants let in', () => {
  const slice = compileSlice([
    { source: 'x', action: 'redis:write', connection: 'cache', path: 'app:*', ref: undefined },
  ])
  for (let i = 0; i < 1_000; i++) {
    const operation = { action: 'redis:write', connection: 'cache', path: `app:${i}` }
    const request = { role: 'build', operation, subject: { issuer: 'github', attributes: {} } }
    assert.equal(evaluate(slice, request).length, 1)
  }
  assert.equal(slice.answers.size, 1)
})

// --- Decisions.

function like(pattern: string, text: string): boolean {
  const escaped = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`))
  return new RegExp(`^(?:${escaped.join('[^]*')})$`).test(text)
}

/** What a grant means, in plain words. */
function reference(grants: readonly string[], operation: Operation, anyRef = false): boolean {
  return grants.some((source) => {
    const grant = parseGrant(source, kinds)
    assert.ok(typeof grant !== 'string', String(grant))
    const isPush = (action: string) => /^git:(?:push|force|delete)$/.test(action)
    const sameAction =
      grant.action === operation.action ||
      (grant.action === 'git:force' && operation.action === 'git:push') ||
      (anyRef && isPush(grant.action) && isPush(operation.action))
    if (!sameAction || grant.connection !== operation.connection) return false
    // Without a path no resource is named yet.
    const unnamed = anyRef && operation.path === ''
    if (!unnamed && !like(grant.path, operation.path)) return false
    return anyRef || grant.ref === undefined || like(grant.ref, operation.ref ?? '')
  })
}

const pushes = fc.constantFrom('git:push', 'git:force', 'git:delete')
const segment = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-', '/', '*'), minLength: 1, maxLength: 4 })
const grants = fc.array(
  fc
    .oneof(
      segment.map((path) => `git:read github/${path}`),
      fc.tuple(pushes, segment, segment).map(([action, path, ref]) => `${action} github/${path}@refs/${ref}`),
      fc.constant('npm:install npmjs'),
      segment.map((path) => `npm:install npmjs/${path}`),
    )
    .filter((source) => typeof parseGrant(source, kinds) !== 'string'),
  { minLength: 1, maxLength: 4 },
)
const asked = fc.string({
  unit: fc.constantFrom('a', 'b', '.', '-', '/', '*', '"', '\\', 'é', '\n', '\u{1F600}'),
  maxLength: 5,
})
const operation: fc.Arbitrary<Operation> = fc.oneof(
  asked.map((path) => ({ action: 'git:read', connection: 'github', path })),
  fc
    .tuple(pushes, asked, asked)
    .map(([action, path, ref]) => ({ action, connection: 'github', path, ref: `refs/${ref}` })),
  asked.map((path) => ({ action: 'git:push', connection: 'github', path })),
  asked.map((path) => ({ action: 'npm:install', connection: 'npmjs', path })),
  asked.map((path) => ({ action: 'git:read', connection: 'npmjs', path })),
  asked.map((path) => ({ action: 'git:rebase', connection: 'github', path })),
)

test('property: Cedar decides as a plain reading of the grants does', () => {
  fc.assert(
    fc.property(grants, fc.array(operation, { minLength: 8, maxLength: 8 }), (held, operations) => {
      const policy = policyOf(pinned, held)
      for (const one of operations) {
        const decision = policy.decide('build', one)
        assert.equal(decision.allow, reference(held, one), JSON.stringify([held, one]))
        if (decision.allow) assert.ok(reference([decision.grant], one), 'the grant it names allows it')
        assert.equal(
          policy.decideAnyRef('build', one).allow,
          reference(held, one, true),
          JSON.stringify([held, one]),
        )
      }
    }),
    { numRuns: runs(50, 150) },
  )
})

test('property: what a denial says to add, allows it', () => {
  const name = fc.stringMatching(/^[a-z0-9]{1,6}$/)
  fc.assert(
    fc.property(
      name,
      name,
      pushes,
      fc.option(name, { nil: undefined }),
      (owner, repository, action, branch) => {
        const path = `${owner}/${repository}`
        const one: Operation =
          branch === undefined
            ? { action: 'git:read', connection: 'github', path }
            : { action, connection: 'github', path, ref: `refs/heads/${branch}` }
        const denied = policyOf(pinned, ['npm:install npmjs', 'git:read github/none']).decide('build', one)
        fc.pre(!denied.allow)
        assert.ok(!denied.allow)
        assert.equal(policyOf(pinned, [denied.missing]).decide('build', one).allow, true)
      },
    ),
    { numRuns: 50 },
  )
})

test('denied: names the missing grant, and those held', () => {
  const policy = policyOf(pinned, ['git:read github/octo/app'])
  const push = { action: 'git:push', connection: 'github', path: 'octo/app', ref: 'refs/heads/main' }
  assert.deepEqual(policy.decide('build', push), {
    allow: false,
    role: 'build',
    missing: 'git:push github/octo/app@refs/heads/main',
    held: ['git:read github/octo/app'],
  })
  const { ref: _, ...unnamed } = push
  const denied = policy.decideAnyRef('build', unnamed)
  assert.equal(!denied.allow && denied.missing, 'git:push github/octo/app@refs/heads/...')
})

test('denied before a ref is named: what is to be filled in is no grant as it stands, and what would grant all says so', () => {
  for (const action of actionNames.filter((one) => actionNamed(one)?.ref === 'required')) {
    const missing = grantFor({ action, connection: 'x', path: 'octo/app' })
    assert.match(missing, /@(?:refs\/heads\/)?\.\.\.$/, action)
    assert.equal(isGrantText(missing), false, missing)
    assert.match(refHint(missing), /for \.\.\./, action)
  }
  assert.match(refHint('oci:push images/octo/app'), /for some only, add @ and the/)
  assert.equal(refHint('oci:push images/octo/app@v1'), '')
  assert.equal(refHint('npm:install npmjs'), '')
})

test('a version where a ref is meant is a tag, a name a branch', () => {
  const written = (ref: string) => parseGrant(`git:push github/octo/app@${ref}`, new Map([['github', 'git']]))
  for (const tag of ['v*', 'v1.*', 'v1.2.3-rc.1'])
    assert.ok(String(written(tag)).endsWith(`write "git:push github/octo/app@refs/tags/${tag}"`), tag)
  for (const branch of ['main', 'vendor', 'dev-*'])
    assert.ok(
      String(written(branch)).endsWith(`write "git:push github/octo/app@refs/heads/${branch}"`),
      branch,
    )
})

test('denied: an unknown role holds nothing', () => {
  const policy = policyOf(pinned)
  const read = { action: 'git:read', connection: 'github', path: 'octo/app' }
  for (const role of ['deploy', 'constructor', '']) {
    const none = { allow: false, role, missing: 'git:read github/octo/app', held: [] }
    assert.deepEqual(policy.decide(role, read), none)
    assert.deepEqual(policy.decideAnyRef(role, read), none)
  }
})

test('denied: a role has its own grants only', () => {
  const policy = policyOf(pinned)
  const read = { action: 'git:read', connection: 'github', path: 'octo/app' }
  assert.equal(policy.decide('build', read).allow, true)
  assert.equal(policy.decide('rest', read).allow, false)
  assert.equal(policy.decide('build', { action: 'npm:install', connection: 'npmjs', path: 'x' }).allow, false)
})

test('decideAnyRef: any ref of a repository that may be pushed to, and no other repository', () => {
  const policy = policyOf(pinned, ['git:push github/octo/app@refs/tags/v*'])
  const push = { action: 'git:push', connection: 'github', path: 'octo/app' }
  assert.deepEqual(policy.decideAnyRef('build', push), {
    allow: true,
    grant: 'git:push github/octo/app@refs/tags/v*',
  })
  assert.equal(policy.decide('build', push).allow, false)
  assert.equal(policy.decideAnyRef('build', { ...push, path: 'octo/app2' }).allow, false)
  assert.equal(policy.decideAnyRef('build', { ...push, action: 'git:read' }).allow, false)
})

test('git:force includes git:push, git:delete neither; none of them reaches another ref', () => {
  const ask = (grant: string, action: string, ref = 'refs/tags/v1') =>
    policyOf(pinned, [grant]).decide('build', { action, connection: 'github', path: 'o/r', ref }).allow
  const allowed = (grant: string) =>
    ['git:push', 'git:force', 'git:delete', 'git:read'].filter((action) => ask(grant, action))
  assert.deepEqual(allowed('git:push github/o/r@refs/tags/*'), ['git:push'])
  assert.deepEqual(allowed('git:force github/o/r@refs/tags/*'), ['git:push', 'git:force'])
  assert.deepEqual(allowed('git:delete github/o/r@refs/tags/*'), ['git:delete'])
  assert.equal(ask('git:force github/o/r@refs/heads/*', 'git:push'), false)
})

test('denied: force and delete name their own grants', () => {
  const policy = policyOf(pinned, ['git:push github/o/r@refs/tags/*'])
  for (const action of ['git:force', 'git:delete']) {
    const denied = policy.decide('build', {
      action,
      connection: 'github',
      path: 'o/r',
      ref: 'refs/tags/v1',
    })
    assert.equal(!denied.allow && denied.missing, `${action} github/o/r@refs/tags/v1`)
  }
})

test('before a ref is named, a role that may only delete is let in, and one that only reads is not', () => {
  const push = { action: 'git:push', connection: 'github', path: 'o/r' }
  assert.equal(
    policyOf(pinned, ['git:delete github/o/r@refs/heads/*']).decideAnyRef('build', push).allow,
    true,
  )
  assert.equal(policyOf(pinned, ['git:read github/o/r']).decideAnyRef('build', push).allow, false)
})

test('grantFor: what to write for an operation', () => {
  assert.equal(
    grantFor({ action: 'npm:install', connection: 'npmjs', path: '@octo/app' }),
    'npm:install npmjs',
  )
  assert.equal(grantFor({ action: 'git:read', connection: 'github', path: '' }), 'git:read github')
})

test('describeOperation: what was asked for, in words of a grant', () => {
  const push = { action: 'git:push', connection: 'github', path: 'octo/app', ref: 'refs/heads/main' }
  assert.equal(describeOperation(push), 'git:push github/octo/app@refs/heads/main')
  assert.equal(
    describeOperation({ action: 'npm:install', connection: 'npmjs', path: '@octo/app' }),
    'npm:install npmjs/@octo/app',
  )
})

test('two policies in force one after the other do not mix', () => {
  const read = { action: 'git:read', connection: 'github', path: 'octo/app' }
  const before = policyOf(pinned, ['git:read github/octo/app'])
  const after = policyOf(pinned, ['git:read github/octo/other'])
  assert.equal(before.decide('build', read).allow, true)
  assert.equal(after.decide('build', read).allow, false)
})
