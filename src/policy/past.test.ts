import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { readPast, replay, reportShadow, suggestRoles, suggestionYaml, type Past } from './index.ts'
import { parseGrant } from './grant.ts'
import { compileText, lintText, policyText } from './policy.fixture.ts'

const identity = {
  repository: 'octo/app',
  repository_id: '1',
  event: 'push',
  ref: 'refs/tags/v1',
  ref_protected: 'true',
}
const time = '2026-07-01T10:00:00.000Z'
const run = 'run_1'

function entry(
  type: string,
  data: object,
  more: { run?: string; subject?: string; time?: string } = {},
): Past {
  const read = readPast({ type, time, run, subject: undefined, data, ...more })
  assert.ok(read, `${type} is not read`)
  return read
}

const session = (data: object = {}) =>
  entry(
    'session.issued',
    { request: 'req_1', issuer: 'github', identity, roles: ['release'], ...data },
    { subject: 'ses_1' },
  )
const push = (ref?: string) => ({
  action: 'git:push',
  connection: 'github',
  path: 'octo/app',
  ...(ref === undefined ? {} : { ref }),
})
const read = { action: 'git:read', connection: 'github', path: 'octo/app' }
const access = (type: string, operations: readonly object[], more: object = {}) =>
  entry(type, { session: 'ses_1', role: 'release', operations, ...more })

// --- Reading.

test('entries of other things, broken ones and those of before are no decisions', () => {
  const none: readonly (readonly [string, unknown])[] = [
    ['secret.set', { secret: 'x' }],
    ['session.refused', { request: 'r', reason: 'token_expired', detail: 'x' }],
    ['session.refused', { request: 'r', reason: 'trust_mismatch', role: 'build', identity }],
    ['access.denied', { session: 's', role: 'build', what: 'x', reason: 'y' }],
    ['access.granted', null],
    ['session.issued', 'x'],
  ]
  for (const [type, data] of none)
    assert.equal(readPast({ type, time, run, subject: undefined, data }), undefined, type)
})

// --- Replay.

const role = (
  grants: readonly string[],
  trust = '{ issuer: github, repository_id: "1", event: push, ref: "refs/tags/*" }',
) => compileText(policyText({ release: { trust, grants } })).policy

const past = [
  session(),
  access('access.granted', [push()]),
  access('access.granted', [push('refs/tags/v1')]),
  access('access.denied', [read], { request: 'req_2' }),
]

test('replay: nothing changes under a policy that answers as it was answered', () => {
  assert.deepEqual(replay(past, role(['git:push github/octo/app@refs/tags/v*'])), {
    changes: [],
    replayed: 4,
    undecided: 0,
  })
})

test('replay: what passed in shadow mode is asked once, and passed', () => {
  const shadowed = [session(), access('access.granted', [read]), access('access.shadowed', [read])]
  const { replayed, changes } = replay(shadowed, role(['git:push github/octo/app@refs/tags/v*']))
  assert.equal(replayed, 2)
  assert.deepEqual(
    changes.map(({ change, count }) => [change, count]),
    [['newly_denied', 1]],
  )
})

test('replay: a rule that looks at who it was is asked where the name can be read, and else counted', () => {
  const asked = role(['git:read github/octo/app'], '{ issuer: github, repository_id: "1", actor_id: "12" }')
  const erased = 'per_0123456789abcdefghjkmnpq (erased)'
  const readable = [session({ actor: { id: '12', login: 'mona' }, claims: { actor: 'mona' } })]
  assert.deepEqual(replay(readable, asked), { changes: [], replayed: 1, undecided: 0 })
  for (const actor of [{ id: erased, login: erased }, { id: { person: 'per_1', commitment: 'x' } }])
    assert.deepEqual(replay([session({ actor, claims: actor })], asked), {
      changes: [],
      replayed: 0,
      undecided: 1,
    })
})

test('replay: newly denied, newly allowed, counted', () => {
  const { changes } = replay(
    [...past, access('access.granted', [push('refs/tags/v1')])],
    role(['git:push github/octo/app@refs/tags/w*', 'git:read github/octo/*']),
  )
  assert.deepEqual(
    changes.map(({ change, what, who, count }) => [change, what, who, count]),
    [
      ['newly_denied', 'git:push github/octo/app@refs/tags/v1', 'octo/app at refs/tags/v1', 2],
      ['newly_allowed', 'git:read github/octo/app', 'octo/app at refs/tags/v1', 1],
    ],
  )
})

test('replay: a session that would no longer open, and one that now would', () => {
  const stricter = role(
    ['git:push github/octo/app@refs/tags/v*'],
    '{ issuer: github, repository_id: "1", event: push, environment: production, ref: "refs/tags/*" }',
  )
  assert.deepEqual(
    replay([session()], stricter).changes.map(({ change, what, why }) => [change, what, why]),
    [['newly_denied', 'assume', 'environment']],
  )
  const refused = entry('session.refused', {
    reason: 'trust_mismatch',
    role: 'release',
    issuer: 'github',
    identity,
  })
  assert.deepEqual(
    replay([refused], role(['git:push github/octo/app@refs/tags/v*'])).changes.map(({ change }) => change),
    ['newly_allowed'],
  )
})

test('replay: against another policy instead of what was answered then', () => {
  const same = role(['git:read github/octo/app'])
  assert.deepEqual(replay(past, same, same).changes, [])
})

test('replay: what the log does not hold enough of is counted, not guessed', () => {
  const raw = role(
    ['git:push github/octo/app@refs/tags/v*'],
    '{ issuer: github, repository_id: "1", event: push, ref: "refs/tags/*", claims: { base_ref: main } }',
  )
  const unknown = [
    session(),
    entry('access.granted', { session: 'ses_9', role: 'release', operations: [read] }),
  ]
  assert.deepEqual(replay(unknown, raw), { changes: [], replayed: 0, undecided: 2 })
  const recorded = session({ claims: { base_ref: 'main' } })
  assert.equal(replay([recorded], raw).replayed, 1)
})

const pins = () => ['repository_id', 'owner_id']

// --- What lockfiles pin: one entry lets it in, another says what was fetched.

const registries = [
  '  npm: {kind: npm, url: https://npm.test}',
  '  pypi: {kind: pypi, url: https://pypi.test/simple}',
  '  go: {kind: go, url: https://go.test}',
  '  crates: {kind: cargo, url: https://index.test}',
  '  gems: {kind: rubygems, url: https://gems.test}',
  '  maven: {kind: maven, url: https://maven.test}',
]
const pinned = [
  ['npm:install', 'npm', 'pkg:npm/%40octo/core@1.0.0', 'npm:install npm/@octo/core'],
  ['pypi:install', 'pypi', 'pkg:pypi/flask@1%2B2?file_name=flask.whl', 'pypi:install pypi/flask@1+2'],
  ['go:download', 'go', 'pkg:golang/github.com/a/b@v1.0.0', 'go:download go/github.com/a/b@v1.0.0'],
  ['cargo:download', 'crates', 'pkg:cargo/serde@1.0.0', 'cargo:download crates/serde@1.0.0'],
  ['rubygems:install', 'gems', 'pkg:gem/rack@3.0.0', 'rubygems:install gems/rack@3.0.0'],
  ['maven:download', 'maven', 'pkg:maven/org.a/b@1?file_name=b-1.jar', 'maven:download maven/org.a:b@1'],
] as const
const whole = ([action, connection]: (typeof pinned)[number]) =>
  access('access.granted', [{ action, connection, path: '' }], { lockfile: { sha256: '00', packages: 9 } })
const fetched = ([, connection, purl]: (typeof pinned)[number], by = 'lockfile') =>
  entry('packages.downloaded', {
    session: 'ses_1',
    role: 'release',
    connection,
    packages: [{ purl, by, integrity: 'sha256-x' }],
  })
const installing = [session(), ...pinned.flatMap((one) => [whole(one), fetched(one)])]
const wholeGrants = pinned.map(([action, connection]) => `${action} ${connection}`)
const withRegistries = (grants: readonly string[]) => {
  const trust = '{ issuer: github, repository_id: "1", event: push, ref: "refs/tags/*" }'
  const text = policyText({
    release: { trust, grants },
    other: { trust: '{ issuer: any, subject: nobody }', grants: wholeGrants },
  })
  return compileText(text.replace('connections:', ['connections:', ...registries].join('\n'))).policy
}

test('replay: a grant for what lockfiles pin that is taken away is newly denied, told once', () => {
  assert.deepEqual(replay(installing, withRegistries(wholeGrants)).changes, [])
  for (const [at, lost] of wholeGrants.entries()) {
    const { changes } = replay(installing, withRegistries(wholeGrants.toSpliced(at, 1)))
    assert.deepEqual(
      changes.map(({ change, what }) => [change, what]),
      [['newly_denied', lost]],
    )
  }
})

test('replay: of a grant that becomes narrower, the packages that it no longer lets in', () => {
  for (const [at, [action, , , name]] of pinned.entries()) {
    const narrower = wholeGrants.with(
      at,
      `${wholeGrants[at]}/other${action === 'maven:download' ? ':x' : action === 'go:download' ? '.org/x' : ''}`,
    )
    const { changes } = replay(installing, withRegistries(narrower))
    assert.deepEqual(
      changes.map(({ change, what }) => [change, what]),
      [['newly_denied', name]],
    )
  }
})

test('replay: a package that has an entry of its own is asked once, and one that no lockfile pins only there', () => {
  const [npm] = pinned
  const named = access('access.granted', [{ action: 'npm:install', connection: 'npm', path: '@octo/core' }])
  const none = withRegistries(['go:download go'])
  assert.equal(replay([session(), named, fetched(npm)], none).changes[0]?.count, 1)
  assert.throws(() => fetched(npm, 'registry'), /is not read/)
})

test('suggest: every grant for what lockfiles pin, of several registries', () => {
  assert.deepEqual(suggestRoles(installing, run, pins)[0]?.grants, wholeGrants.toSorted())
})

// --- Suggest.

test('suggest: what the run reached and nothing else, for this repository, ref and event', () => {
  const steps = [
    entry('step.started', { role: 'release', reported: { isolation: 'B' } }),
    entry('step.finished', { role: 'release' }, { time: '2026-07-01T10:06:00.000Z' }),
  ]
  const suggestions = suggestRoles([...past, ...steps], run, pins)
  const { roles } = parse(suggestionYaml(suggestions)) as { roles: object }
  assert.deepEqual(roles, {
    release: {
      trust: {
        issuer: 'github',
        repository_id: '1',
        ref: 'refs/tags/v1',
        event: 'push',
        ref_protected: 'true',
      },
      ttl: '15m',
      isolation: 'namespace',
      grants: ['git:push github/octo/app@refs/tags/v1'],
    },
  })
  assert.match(
    suggestionYaml(suggestions),
    /# refused then, and not granted here: "git:read github\/octo\/app"/,
  )
})

test('suggest: what was refused is granted if that is asked for, on connections that the role has, and not to strangers', () => {
  const other = { action: 'git:read', connection: 'other', path: 'octo/app' }
  const denied = [...past, access('access.denied', [other])]
  const [suggestion] = suggestRoles(denied, run, pins, () => [], true)
  assert.deepEqual(suggestion?.grants, ['git:push github/octo/app@refs/tags/v1', 'git:read github/octo/app'])
  assert.deepEqual(suggestion.refused, ['git:read other/octo/app'])
  const text = policyText({ release: { trust: JSON.stringify(suggestion.trust), grants: suggestion.grants } })
  assert.equal(
    compileText(text).policy.decide('release', read, { issuer: 'github', attributes: identity }).allow,
    true,
  )
  const strange = session({ identity: { ...identity, event: 'pull_request' } })
  const [kept] = suggestRoles([strange, ...denied.slice(1)], run, pins, () => [], true)
  assert.deepEqual(kept?.grants, ['git:push github/octo/app@refs/tags/v1'])
})

test('suggest: what it suggests passes lint, and allows what the run did', () => {
  const [suggestion] = suggestRoles(past, run, pins)
  assert.ok(suggestion)
  const trust = JSON.stringify(suggestion.trust)
  const text = policyText({ release: { trust, grants: suggestion.grants } })
  assert.deepEqual(
    lintText(text).map(({ rule }) => rule.id),
    ['own-code'],
  )
  const { changes } = replay(past, compileText(text).policy)
  assert.deepEqual(changes, [])
})

test('suggest: what grants ask for is asked for still, and what the log has no name of is granted as it was', () => {
  const cache = { action: 'redis:write', connection: 'cache', path: '' }
  const drop = { action: 'postgres:ddl', connection: 'orders', path: 'shop', ref: 'public' }
  const seen = [
    session(),
    access('access.granted', [push('refs/tags/v1')], { grants: ['git:push github/octo/app@refs/tags/*'] }),
    access('access.granted', [cache], { grants: ['redis:write cache/session:*'] }),
    access('access.granted', [drop], { grants: ['postgres:ddl orders/shop'], approvals: ['apr_1'] }),
  ]
  const own = parseGrant('git:push github/octo/app@refs/tags/*', new Map([['github', 'git']]))
  assert.ok(typeof own !== 'string')
  const [suggestion] = suggestRoles(seen, run, pins, () => [{ ...own, conditions: { commit: 'own' } }])
  assert.deepEqual(suggestion?.grants, [
    '{ grant: "git:push github/octo/app@refs/tags/v1", commit: own }',
    '{ grant: "postgres:ddl orders/shop@public", approval: always }',
    'redis:write cache/session:*',
  ])
  // Where a grant allows it that asks for less, that is what it needs.
  const [less] = suggestRoles(seen, run, pins, () => [own, { ...own, conditions: { commit: 'own' } }])
  assert.equal(less?.grants[0], 'git:push github/octo/app@refs/tags/v1')
})

test('suggest: nothing that a job wrote becomes a pattern, or YAML of its own', () => {
  const evil = session({
    identity: { ...identity, ref: 'refs/heads/*', environment: 'x"\n    ttl: 24h #' },
  })
  const yaml = suggestionYaml(suggestRoles([evil, ...past.slice(1)], run, pins))
  const { roles } = parse(yaml) as { roles: { release: { ttl: string; trust: Record<string, string> } } }
  assert.equal(roles.release.ttl, '5m')
  assert.equal(roles.release.trust['ref'], undefined)
  assert.equal(roles.release.trust['environment'], 'x"\n    ttl: 24h #')
})

test('suggest and shadow report: what another grant includes is not named beside it', () => {
  const [pushed, forced] = ['git:push', 'git:force'].map((action) => ({ ...push('refs/heads/x'), action }))
  const allowed = access('access.granted', [push(), pushed ?? {}, forced ?? {}, read])
  const [suggestion] = suggestRoles([session(), allowed], run, pins)
  const least = ['git:force github/octo/app@refs/heads/x', 'git:read github/octo/app']
  assert.deepEqual(suggestion?.grants, least)
  const [report] = reportShadow([access('access.shadowed', [pushed ?? {}, forced ?? {}, read])])
  assert.deepEqual(report?.missing, least)
})

test('suggest: another run has no say', () => {
  assert.deepEqual(suggestRoles(past, 'run_2', pins), [])
})

// --- Shadow report.

test('shadow report: per role what would have been denied, and the grants to add', () => {
  const shadowed = [
    access('access.shadowed', [push()]),
    access('access.shadowed', [push('refs/heads/main'), read]),
    access('access.shadowed', [read], { operationCount: 90 }),
  ]
  assert.deepEqual(reportShadow([session(), ...past, ...shadowed]), [
    {
      role: 'release',
      operations: [
        { operation: 'git:read github/octo/app', count: 2, last: time },
        { operation: 'git:push github/octo/app', count: 1, last: time },
        { operation: 'git:push github/octo/app@refs/heads/main', count: 1, last: time },
      ],
      missing: ['git:push github/octo/app@refs/heads/main', 'git:read github/octo/app'],
      cut: 1,
    },
  ])
})

test('what a step named is no YAML and no grant of ours: it is not written as one', () => {
  const ref = 'refs/heads/x # y\n      - git:push github/octo/app@refs/heads/main'
  const odd = [session(), access('access.granted', [push(ref), push('refs/tags/v1')])]
  assert.deepEqual(suggestRoles(odd, run, pins)[0]?.grants, ['git:push github/octo/app@refs/tags/v1'])
  const shadowed = [access('access.shadowed', [push(ref)])]
  assert.deepEqual(reportShadow(shadowed)[0]?.missing, [])
})
