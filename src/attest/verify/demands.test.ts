import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { demandProblems } from './demand-rules.ts'
import {
  githubIdentity,
  imageDigest,
  personNamed,
  signedMs,
  statementSha256,
  verifiedProvenance,
} from './demands.fixture.ts'
import type { Demands } from './demand-model.ts'
import { judge } from './demands.ts'
import type { Verified } from './model.ts'

const issuer = 'https://token.actions.githubusercontent.com'
const context = { nowMs: signedMs + 60_000, runId: 'run_1', own: () => true }

function missing(
  one: Verified | readonly Verified[],
  demands: Demands,
  also: Partial<typeof context> = {},
): readonly string[] {
  const judged = judge([one].flat(), imageDigest, demands, { ...context, ...also })
  return judged.ok ? [] : judged.missing
}

const everything: Demands = {
  builder: 'https://mayfly.example.com/builders/tier-*',
  tier: 'B',
  issuer,
  repository_id: '1296269',
  owner_id: ['1', '65781'],
  repository: 'octo/app',
  ref: 'refs/heads/*',
  role: 'build',
  same_run: true,
  identity: 'https://github.com/octo/app/*@refs/heads/main',
  approvals: { count: 2 },
  max_age_seconds: 3_600,
  no_secret_found: true,
  dependencies: 'verified',
}
const [anna, ben, carl] = ['a', 'b', 'c'].map(personNamed)
const sha256 = 'ab'.repeat(32)
const published = 'npm:publish npmjs/@octo/app@1.0.0'
const approvals = [
  { of: 'session', people: [anna] },
  { of: 'session', people: [ben, anna] },
  { of: published, group: 'ops', people: [carl] },
]

test('all that is demanded holds of one provenance about exactly this digest', () => {
  const good = verifiedProvenance({ approvals })
  const judged = judge([verifiedProvenance({ role: 'test' }), good], imageDigest, everything, context)
  assert.ok(judged.ok)
  assert.equal(judged.by, good)
  for (const what of [published, 'npm:publish npmjs/@octo/app@*'])
    assert.deepEqual(missing(good, { role: 'build', approvals: { group: 'ops', of: what } }), [])
})

test('each demand that is not met is named, expected against found', () => {
  const others = githubIdentity.claims
  const cases: [Partial<Demands>, Parameters<typeof verifiedProvenance>[0], RegExp][] = [
    [
      { builder: 'https://other.example.com/*' },
      {},
      /^builder: expected https:\/\/other\.example\.com\/\*, got https:\/\/mayfly/,
    ],
    [{ tier: 'B' }, { tier: 'c' }, /^tier: expected B, got C$/],
    [{ tier: 'C' }, { tier: 'e' }, /^tier: expected C or B, got E$/],
    [{ issuer: 'https://gitlab.com' }, {}, /^issuer: expected https:\/\/gitlab\.com, got https:\/\/token/],
    [{ repository_id: '12962' }, {}, /^repository_id: expected 12962, got 1296269$/],
    [{ owner_id: ['6', '7'] }, {}, /^owner_id: expected 6 or 7, got 65781$/],
    [{ repository: 'octo/ap' }, {}, /^repository: expected octo\/ap, got https:\/\/github\.com\/octo\/app$/],
    [{ repository: 'https://gitlab.com/octo/app' }, {}, /^repository: /],
    [{ ref: 'refs/tags/*' }, {}, /^ref: expected refs\/tags\/\*, got refs\/heads\/main$/],
    [{ role: ['release', 'sign'] }, {}, /^role: expected release or sign, got build$/],
    [{ same_run: true }, { run: 'run_2' }, /^same_run: expected run_1, got run_2$/],
    [{ identity: 'https://github.com/octo/app' }, {}, /^identity: /],
    [{ approvals: { count: 3 } }, { approvals: approvals.slice(0, 2) }, /^approvals: expected 3, got 2$/],
    [{ approvals: { count: 3 } }, { approvals }, /^approvals: expected 3, got 2$/],
    [{ approvals: { group: 'ops' } }, { approvals }, /^approvals: expected 1 of ops, got 0 of ops$/],
    [
      { approvals: { of: published, group: 'release' } },
      { approvals },
      /^approvals: expected 1 of release to npm:publish .*, got 0/,
    ],
    [{ approvals: { of: 'npm:publish npmjs/other@*' } }, { approvals }, /, got 0 to/],
    [
      { approvals: {} },
      { approvals: [{ of: 'session', people: ['', ' ', 'per_a', 7, null, carl?.toUpperCase()] }] },
      /^approvals: expected 1, got 0$/,
    ],
    [
      { approvals: { count: 2 } },
      { approvals: [...approvals.slice(0, 1), { of: 'session', people: [anna, anna, ` ${anna}`] }] },
      /^approvals: expected 2, got 1$/,
    ],
    [{ approvals: {} }, { approvals: [{ people: [anna] }, { of: ['session'], people: [ben] }] }, /got 0$/],
    [{ approvals: { count: 0 } }, { approvals }, /^approvals has to be a whole number from 1, or/],
    [{ max_age_seconds: 59 }, {}, /^max_age: expected at most 59 s, got 60 s$/],
    [{ max_age_seconds: 59 }, { timeMs: signedMs + 3_600_000 }, /^max_age: .* got a time to come$/],
    [{ no_secret_found: true }, { secretsFound: 1 }, /^no_secret_found: .* it was found/],
    [
      { dependencies: 'verified' },
      {
        dependencies: [{ uri: 'pkg:npm/a@1', digest: { sha256 }, annotations: { verifiedBy: 'registry' } }],
      },
      /^dependencies: expected all verified, got pkg:npm\/a@1 on a server/,
    ],
    [
      { dependencies: 'verified' },
      {
        dependencies: [
          {
            uri: 'git+https://x@main',
            digest: { gitCommit: 'a'.repeat(40) },
            annotations: { verifiedBy: 'server' },
          },
        ],
      },
      /^dependencies: /,
    ],
    [{ dependencies: 'verified' }, { omitted: 3 }, /3 that are not named/],
    ...['5', '0', -1, 1.5, null, [], {}, true, 1e300].map(
      (omitted): [Demands, { omitted: unknown }, RegExp] => [
        { dependencies: 'verified' },
        { omitted },
        /others, of which it does not say how many/,
      ],
    ),
    ...[
      {},
      { sha256: '' },
      { sha256, sha512: '' },
      { sha256: sha256.toUpperCase() },
      { sha256: 'ab' },
      { md5: 'aa'.repeat(16) },
      { sha256: 7 },
      'sha256',
    ].map((digest): [Demands, { dependencies: unknown }, RegExp] => [
      { dependencies: 'verified' },
      { dependencies: [{ uri: 'pkg:npm/a@1', digest, annotations: { verifiedBy: 'lockfile' } }] },
      /got pkg:npm\/a@1 without a digest$/,
    ]),
    ...[{ reported: true }, { reported: true, verifiedBy: 'lockfile' }, { reported: false, from: 'run' }].map(
      (annotations): [Demands, { dependencies: unknown }, RegExp] => [
        { dependencies: 'verified' },
        { dependencies: [{ name: 'dist/a', digest: { sha256 }, annotations }] },
        /got dist\/a on the word of the CI/,
      ],
    ),
    ...[
      {},
      { madeBy: 'https://mayfly.example.com/runs/run_2/steps/stp_0' },
      { madeBy: 'https://evil.example.com/runs/run_1/steps/stp_0' },
      { madeBy: 'https://mayfly.example.com/runs/run_1/steps/stp_1' },
      { madeBy: `${earlier}/../stp_1` },
      { madeBy: [earlier] },
    ].map((annotations): [Demands, { dependencies: unknown }, RegExp] => [
      { dependencies: 'verified' },
      { dependencies: [handedOn({ dependencies: 'verified', ...annotations })] },
      /got dist\/a of no earlier step of its run$/,
    ]),
    ...[{}, { dependencies: true }, { dependencies: 'some' }].map(
      (annotations): [Demands, { dependencies: unknown }, RegExp] => [
        { dependencies: 'verified' },
        { dependencies: [handedOn({ madeBy: earlier, ...annotations })] },
        /got dist\/a of https:.*\/stp_0, whose own dependencies are not all verified$/,
      ],
    ),
    [
      { dependencies: 'verified' },
      { dependencies: [handedOn({ madeBy: earlier, dependencies: 'verified', reported: true })] },
      /got dist\/a on the word of the CI/,
    ],
    [{ dependencies: 'verified' }, { dependencies: 'none' }, /got nothing/],
    [{ dependencies: 'verified' }, { incomplete: true }, /a list that may lack some.*build it again/],
    [{ dependencies: 'verified' }, { incomplete: 'no' }, /a list that may lack some/],
    [
      { repository_id: '1296269' },
      { identity: { ...githubIdentity, claims: { ...others, sourceRepositoryIdentifier: '5' } } },
      /^repository_id: expected 1296269, got 5$/,
    ],
    [
      { predicate: ['provenance', 'sbom'] },
      {},
      /^sbom: there is none about sha256:abab.* \(there is provenance\)$/,
    ],
  ]
  for (const [demands, made, expected] of cases) {
    const named = missing(verifiedProvenance(made), demands)
    assert.equal(named.length, 1, JSON.stringify([demands, named]))
    assert.match(named[0] ?? '', expected)
  }
  assert.equal(
    missing(verifiedProvenance({ role: 'x', run: 'run_2', tier: 'e' }), {
      role: 'build',
      same_run: true,
      tier: 'B',
    }).length,
    3,
  )
})

test('a file of an earlier step of the run, all of whose dependencies were verified, meets the demand', () => {
  const dependencies = [handedOn({ madeBy: earlier, dependencies: 'verified' })]
  assert.deepEqual(missing(verifiedProvenance({ dependencies }), { dependencies: 'verified' }), [])
})

test('what is met by several together, and by none alone, is not met', () => {
  const two = [verifiedProvenance({ run: 'run_2' }), verifiedProvenance({ role: 'test' })]
  assert.equal(missing(two, { role: 'build', same_run: true }).length, 1)
})

test('a digest that only looks like the one, or stands under another name, is another subject', () => {
  const hex = imageDigest.slice(7)
  for (const digest of [
    { sha512: hex },
    { sha256: hex.toUpperCase() },
    { sha256: `${hex}0` },
    { gitCommit: hex },
    { SHA256: hex },
    {},
  ])
    assert.match(
      missing(verifiedProvenance({ subject: [{ name: hex, digest }] }), { role: 'build' })[0] ?? '',
      /^provenance: there is none about/,
    )
  const inherited = Object.create({ sha256: hex }) as Record<string, string>
  assert.notDeepEqual(
    missing(verifiedProvenance({ subject: [{ digest: inherited }] }), { role: 'build' }),
    [],
  )
  assert.deepEqual(
    missing(verifiedProvenance({ subject: [{ digest: { sha256: '0' } }, { digest: { sha256: hex } }] }), {
      role: 'build',
    }),
    [],
  )
  assert.equal(judge([verifiedProvenance()], '', { role: 'build' }, context).ok, false)
})

test('a provenance that names our builder and role counts for nothing if it was signed under a root that strangers sign under', () => {
  const stranger = { own: () => false }
  const named = missing(verifiedProvenance(), { role: 'build', tier: 'B', same_run: true }, stranger)
  assert.equal(named.length, 4)
  assert.match(named[3] ?? '', /only the certificate counts/)
  assert.deepEqual(
    missing(verifiedProvenance(), { issuer, repository_id: '1296269', ref: 'refs/heads/main' }, stranger),
    [],
  )
  // Of ours, but of another form than the server's.
  assert.equal(
    missing(verifiedProvenance({ buildType: 'https://example.com/other' }), { role: 'build' }).length,
    1,
  )
})

test('downgrade: a statement of another type, or a bare signature, is no provenance', () => {
  const sbom = verifiedProvenance({ predicateType: 'https://cyclonedx.org/bom' })
  assert.match(missing(sbom, { role: 'build' })[0] ?? '', /^provenance: there is none/)
  const { statement: _, ...rest } = verifiedProvenance()
  const bare = { ...rest, message: { digest: Buffer.from(imageDigest.slice(7), 'hex') } }
  assert.match(
    missing(bare, { issuer, repository_id: '1296269' })[0] ?? '',
    /^provenance: there is none .*there is signature/,
  )
  assert.deepEqual(missing(bare, { issuer, repository_id: '1296269', predicate: 'signature' }), [])
  // What only a provenance says still wants one.
  assert.match(missing(sbom, { predicate: 'sbom', role: 'build' })[0] ?? '', /^provenance: /)
  assert.deepEqual(
    missing([sbom, verifiedProvenance({ byproducts: [statementSha256(sbom)] })], {
      predicate: 'sbom',
      role: 'build',
    }),
    [],
  )
  const ofOther = verifiedProvenance({
    predicateType: 'https://cyclonedx.org/bom',
    identity: { ...githubIdentity, claims: {} },
  })
  assert.match(
    missing([ofOther, verifiedProvenance()], { predicate: 'sbom', issuer, repository_id: '1296269' })[0] ??
      '',
    /^repository_id/,
  )
})

test('signed by a key, the server’s own record says whose it is', () => {
  const byKey = verifiedProvenance({ key: true })
  assert.deepEqual(
    missing(byKey, { issuer, repository_id: '1296269', repository: 'octo/app', ref: 'refs/heads/main' }),
    [],
  )
  assert.equal(missing(byKey, { issuer, repository_id: '1296269' }, { own: () => false }).length, 3)
  assert.match(missing(byKey, { identity: 'x' })[0] ?? '', /^identity: expected x, got nothing$/)
})

test('what a stranger could meet, everything, or nothing, is refused when it is loaded', () => {
  const place = { hasRun: true, own: true }
  const problems = (demands: Demands, at = place) => demandProblems(demands, at).map(({ message }) => message)
  const refused: [Demands, RegExp, Partial<typeof place>?][] = [
    [{}, /any job could meet it: name issuer with repository_id, or role/],
    [{ role: 'build', max_agee: '1s' } as Demands, /"max_agee" is no demand: write one of builder, /],
    [{ tier: 'B', dependencies: 'verified' }, /any job could meet it/],
    [
      { issuer },
      /any job of https:\/\/token\.actions\.githubusercontent\.com could meet it: name repository_id or owner_id/,
    ],
    [{ repository_id: '1' }, /another issuer may give the same id/],
    [{ issuer, repository: 'octo/app' }, /may change hands/],
    [{ issuer, identity: 'https://github.com/octo/app/*' }, /may change hands/],
    [{ issuer, identity: 'https://*', repository_id: '1' }, /write https:\/\/HOST\/ out/],
    [{ issuer, identity: 'https://github.com*', repository_id: '1' }, /write https:\/\/HOST\/ out/],
    [{ issuer, identity: '*@example.com', repository_id: '1' }, /write https/],
    [{ role: 'build', builder: 'https://*/builders/tier-b' }, /write https/],
    ...['h*', 'https*', 'https:*', 'https:/*', 'https:*tier-b', 'HTTPS:*'].flatMap(
      (open): [Demands, RegExp][] => [
        [{ issuer, identity: open, by_name: true }, /write https/],
        [{ role: 'build', builder: open }, /write https/],
      ],
    ),
    [{ issuer, identity: 'https:///*', by_name: true }, /write its owner out/],
    [{ issuer, identity: 'https://github.com/*', by_name: true }, /write its owner out/],
    [{ issuer, identity: 'https://github.com/oc*', by_name: true }, /write its owner out/],
    [{ issuer, repository: '*/*', by_name: true }, /write its owner out/],
    [{ issuer, repository: 'https://*', by_name: true }, /write its owner out/],
    [{ issuer, repository: 'octo*', by_name: true }, /write its owner out/],
    [{ role: '*' }, /role is written out/],
    [{ issuer: 'https://*', repository_id: '1' }, /issuer is written out/],
    [{ issuer, repository_id: '*' }, /repository_id is written out/],
    [{ role: 'build', ref: '*' }, /met by everything/],
    [{ role: 'build', ref: ['refs/heads/main', '**'] }, /met by everything/],
    [{ same_run: true }, /only a grant of a role knows a run/, { hasRun: false }],
    [
      { role: 'build' },
      /any job could meet it: name issuer with repository_id$/,
      { own: false, hasRun: false },
    ],
    [{ role: 'build', repository_id: '1' }, /another issuer/, { own: false, hasRun: false }],
    [{ role: 'build', approvals: { count: 0 } }, /^approvals has to be a whole number from 1/],
    [{ role: 'build', approvals: { group: 'ops' } }, /leave group out, or write of/],
    ...['session', '*', '*publish x', 'npm:* npmjs', 'npm:publish *'].map((what): [Demands, RegExp] => [
      { role: 'build', approvals: { of: what } },
      /of is an operation/,
    ]),
    [{ role: 'build', predicate: 'sbomb' }, /neither a URI nor one of/],
  ]
  for (const [demands, expected, also] of refused)
    assert.match(problems(demands, { ...place, ...also }).join('\n'), expected, JSON.stringify(demands))
  const taken: Demands[] = [
    { role: 'build' },
    { same_run: true },
    { role: 'build', approvals: { group: 'ops', of: 'npm:publish npmjs/@octo/app@*' } },
    { issuer, repository_id: '1', ref: 'refs/tags/v*' },
    { issuer, owner_id: ['1', '2'] },
    { issuer, repository: 'octo/*', by_name: true },
    { issuer, identity: 'https://github.com/octo/*', by_name: true },
    { issuer, identity: 'organization:octo:pipeline:*', by_name: true },
    { issuer, repository_id: '1', repository: '*/infra' },
    { role: 'build', repository_id: '1', predicate: ['sbom', 'https://example.com/x/v1'] },
  ]
  for (const demands of taken) assert.deepEqual(problems(demands), [], JSON.stringify(demands))
  assert.deepEqual(
    demandProblems({ issuer }, { hasRun: false, own: false, isPrivate: (url) => url === issuer }),
    [],
  )
})

test('property: hostile predicates neither throw nor meet a demand that they do not state', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (predicate) => {
      const one = verifiedProvenance()
      const hostile = { ...one, statement: { ...one.statement!, predicate } }
      const judged = judge(
        [hostile],
        imageDigest,
        { role: 'build', approvals: {}, dependencies: 'verified' },
        context,
      )
      assert.equal(judged.ok, false)
    }),
    { numRuns: 500 },
  )
})

test('what others wrote is shown without what a terminal obeys', () => {
  const [line = ''] = missing(verifiedProvenance({ role: `x\u001B[2J${'y'.repeat(2_000)}` }), {
    role: 'build',
  })
  assert.match(line, /^role: expected build, got x\?\[2Jy+…$/)
  assert.ok(line.length < 400)
})

const earlier = 'https://mayfly.example.com/runs/run_1/steps/stp_0'

function handedOn(annotations: object) {
  return {
    ...{ name: 'dist/a', digest: { sha256: 'ab'.repeat(32) } },
    annotations: { from: 'run', verifiedBy: 'run', ...annotations },
  }
}

test('demands of a program are read as those of a policy are: what is not understood is met by nothing', () => {
  const good = verifiedProvenance({ approvals: [{ of: 'session', people: [anna] }] })
  const named = (written: unknown) => missing(good, written as Demands)
  assert.deepEqual(named({ role: 'build', approvals: 1, max_age: '1m', tier: undefined }), [])
  const refused: [unknown, RegExp][] = [
    [{ role: 'build', max_age: '59s' }, /^max_age: expected at most 59 s, got 60 s$/],
    [{ role: 'build', approvals: 2 }, /^approvals: expected 2, got 1$/],
    [{ role: 'build', max_age: '60' }, /^max_age has to be a time/],
    [{ role: 'build', max_age: 60 }, /^max_age has to be a time/],
    [{ role: 'build', max_age: '1m', max_age_seconds: 60 }, /say the same/],
    [{ role: 'build', max_age_seconds: Number.NaN }, /^max_age_seconds has to be a number/],
    [{ Role: 'build' }, /^"Role" is no demand: write one of builder, /],
    [{ role: 'build', repositoryId: '9' }, /^"repositoryId" is no demand/],
    [{ require: { role: 'build' } }, /^"require" is no demand/],
    [{ role: 'build', ['__proto__']: 'x' }, /^"__proto__" is no demand/],
    [{ role: 'build', repository_id: 1296269 }, /^repository_id has to be a text/],
    [{ role: 'build', ref: [] }, /^ref has to be a text, or a list/],
    [{ role: 'build', ref: ['refs/heads/main', null] }, /^ref has to be a text, or a list/],
    [{ role: null }, /^role has to be a text/],
    [{ role: '' }, /^role has to be a text/],
    [{ role: 'build', tier: 'E' }, /^tier has to be B or C$/],
    [{ role: 'build', no_secret_found: 'x' }, /^no_secret_found has to be true/],
    [{ role: 'build', same_run: false }, /^same_run has to be true/],
    [{ role: 'build', dependencies: 'Verified' }, /^dependencies has to be verified$/],
    [{ role: 'build', approvals: { count: 1, Group: 'x' } }, /^approvals has to be/],
    [{ role: 'build', approvals: [2] }, /^approvals has to be/],
    ...[{}, { by_name: true }, { role: undefined }, Object.create({ role: 'build' })].map(
      (written): [unknown, RegExp] => [written, /^nothing is demanded/],
    ),
    ...[null, undefined, 'role', [{ role: 'build' }]].map((written): [unknown, RegExp] => [
      written,
      /^demands are an object/,
    ]),
  ]
  for (const [written, reason] of refused) assert.match(named(written).join(), reason)
})
