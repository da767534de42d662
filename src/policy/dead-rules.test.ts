import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parse } from 'yaml'
import { grantPatch } from './explain.ts'
import { grantFor, parseGrant, parseOperation, type Operation } from './grant.ts'
import { kinds as table } from '../kinds/index.ts'
import { compileText, policyText, refusalsOf } from './policy.fixture.ts'
import { runs } from '../../test/whole.ts'

const trust = '{ issuer: github, repository_id: "1", event: push }'
const kinds = new Map([
  ['github', 'git'],
  ['npmjs', 'npm'],
])

// Each row: a limit that would never limit anything, and what is said instead.
const deadLimits: readonly (readonly [limit: string, said: RegExp])[] = [
  ['git:push github/o/r.git', /write "git:push github\/o\/r"/],
  ['git:push github//o/r', /write "git:push github\/o\/r"/],
  ['git:push github/o//r', /write "git:push github\/o\/r"/],
  ['git:push github/o/r/', /write "git:push github\/o\/r"/],
  ['git:push github/./o/r', /write "git:push github\/o\/r"/],
  ['git:push github/o%2Fr', /write "git:push github\/o\/r"/],
  ['git:push github/o/../r', /its path is not a repository/],
  ['* github/o/r.git', /write "\* github\/o\/r"/],
  ['git:push *@refs/main', /write "git:push \*@refs\/heads\/main"/],
  ['git:push *@main', /write "git:push \*@refs\/heads\/main"/],
  ['git:push github/*@main', /write "git:push github\/\*@refs\/heads\/main"/],
  ['git:push *@refs/heads/main/', /write "git:push \*@refs\/heads\/main"/],
  ['git:push *@refs/heads/x.lock', /its ref is not a full ref/],
  ['git:push *@refs/heads/a..b', /its ref is not a full ref/],
  ['npm:install npmjs/octo/app', /its path is not a package/],
  ['git:push gitub/o/r', /there is no connection "gitub"; did you mean "github"/],
  ['git:psh github/o/r', /no action is called git:psh; did you mean "git:push"/],
]
for (const [limit, said] of deadLimits)
  for (const key of ['forbidden_grants', 'require_approval'])
    test(`limits.${key}: ${limit} is refused when loaded`, () => {
      const problems = refusalsOf(
        policyText({ build: { trust } }, `limits: { ${key}: [${JSON.stringify(limit)}] }\n`),
      )
      assert.equal(problems.length, 1, problems.join('\n'))
      assert.match(problems[0] ?? '', said)
    })

// Each row: a condition that no operation or job could meet, and what is said instead.
const deadForbids: readonly (readonly [condition: string, said: RegExp])[] = [
  ['resource.ref == "main"', /resource\.ref is never "main".*write "refs\/heads\/main"/],
  ['resource.ref == "refs/main"', /write "refs\/heads\/main"/],
  ['"main" == resource.ref', /resource\.ref is never "main"/],
  ['resource.ref != "main"', /resource\.ref is never "main"/],
  ['resource["ref"] == "main"', /resource\.ref is never "main"/],
  ['!(resource.ref == "main")', /resource\.ref is never "main"/],
  ['resource.ref like "main*"', /resource\.ref is never "main\*"/],
  ['resource.ref == "refs/heads/*"', /compared by `like`/],
  ['resource.ref like "refs/heads/\\*"', /is never "refs\/heads\/\?"/],
  ['["refs/heads/x", "main"].contains(resource.ref)', /is never "main"/],
  ['[resource.ref].contains("main")', /is never "main"/],
  ['["main"].containsAny([resource.ref])', /is never "main"/],
  ['(if context.issuer == "github" then resource.ref else resource.ref) == "main"', /is never "main"/],
  ['{ a: resource.ref } == { a: "main" }', /is never "main"/],
  ['resource.path == "o/r.git"', /write "o\/r"/],
  ['resource.path == "/o/r"', /write "o\/r"/],
  ['resource.path like "o//*"', /write "o\/\*"/],
  ['resource.path == ""', /resource\.path is never ""/],
  ['resource.connection == "gihub"', /no such connection.*did you mean "github"/],
  ['resource.connection like "gitlab*"', /no such connection/],
  ['context.issuer == "gihub"', /no such issuer; did you mean "github"/],
  ['context has event && context.event == "pull-request"', /did you mean "pull_request"/],
  ['context has ref && context.ref == "main"', /did you mean "refs\/heads\/main"/],
  ['context has repository_id && context.repository_id == "octo/app"', /has a number/],
  ['resource == Mayfly::Resource::"o/r"', /resource is compared as a whole/],
  ['context == { issuer: "github" }', /context is compared as a whole/],
]
for (const [condition, said] of deadForbids)
  test(`Cedar: ${condition} is refused when loaded`, () => {
    const files = {
      'policies/x.cedar': `forbid(principal, action == Mayfly::Action::"git:push", resource) when { ${condition} };`,
    }
    assert.match(refusalsOf(policyText({ build: { trust } }), files).join('\n'), said)
  })

test('Cedar: a forbid of a word that only grants have is refused, and names what it stands for', () => {
  for (const action of ['http:call', 'k8s:apply', 'k8s:read', 'k8s:write']) {
    const problems = refusalsOf(policyText({ build: { trust } }), {
      'policies/x.cedar': `forbid(principal, action in [Mayfly::Action::"git:push", Mayfly::Action::"${action}"], resource);`,
    })
    assert.equal(problems.length, 1, problems.join('\n'))
    assert.match(problems[0] ?? '', new RegExp(`${action} is a word of grants.*(?:http:put|k8s:get)`))
  }
})

test('Cedar: what a forbid names is held against the actions that it is about', () => {
  const refused = (action: string, condition: string) =>
    refusalsOf(policyText({ build: { trust } }), {
      'policies/x.cedar': `forbid(principal, action == Mayfly::Action::"${action}", resource) when { ${condition} };`,
    }).join('\n')
  assert.match(refused('git:read', 'resource.ref == "refs/heads/main"'), /these actions name no ref/)
  assert.match(
    refused('npm:install', 'resource.connection == "github"'),
    /no such connection for these actions/,
  )
  assert.match(refused('npm:install', 'resource.path == "octo/app"'), /it is a package/)
  assert.equal(refused('npm:install', 'resource.path == "@octo/app"'), '')
  assert.equal(refused('git:read', 'resource.ref == ""'), '')
  assert.match(
    refusalsOf(policyText({ build: { trust } }), {
      'policies/x.cedar': 'forbid(principal, action, resource == Mayfly::Resource::"github/o/r");',
    }).join('\n'),
    /resource is compared as a whole/,
  )
})

test('a test of an operation that the gateway never names is a mistake, not a denial', () => {
  for (const operation of [
    'git:push github/o/r.git@refs/heads/main',
    'git:push github/o/r@refs/main',
    'git:read github//o/r',
    'npm:install npmjs',
    'npm:install npmjs/octo/app',
  ])
    assert.equal(typeof parseOperation(operation, kinds), 'string', operation)
})

// --- What is suggested works.

const letters = fc.constantFrom(...'abAZ09._~+-/@#"\',;={}!|$%&()<>äжא中', '.git', '.lock', '..', 'a\u0308')
const path = fc.string({ unit: letters, minLength: 1, maxLength: 8 })
const operation: fc.Arbitrary<Operation> = fc.oneof(
  path
    .map((one) => ({ action: 'git:read', connection: 'github', path: one }))
    .filter((one) => table.git.path.form.is(one.path)),
  fc
    .tuple(path, path, fc.constantFrom('git:push', 'git:force', 'git:delete'))
    .map(([one, ref, action]) => ({ action, connection: 'github', path: one, ref: `refs/heads/${ref}` }))
    .filter((one) => table.git.path.form.is(one.path) && table.git.ref.form.is(one.ref)),
  path
    .map((one) => ({ action: 'npm:install', connection: 'npmjs', path: one }))
    .filter((one) => table.npm.path.form.is(one.path)),
)

test('property: the grant that a denial suggests is taken as it is pasted, and allows what was denied', () => {
  fc.assert(
    fc.property(operation, (one) => {
      const before = compileText(policyText({ build: { trust } })).policy
      const subject = { issuer: 'github', attributes: {} }
      const denied = before.decide('build', one, subject)
      if (denied.allow) return
      const pasted = parse(grantPatch('build', denied.held, denied.missing)) as {
        roles: { build: { grants: string[] } }
      }
      const { grants } = pasted.roles.build
      assert.ok(grants.includes(grantFor(one)))
      const after = compileText(policyText({ build: { trust, grants } })).policy
      assert.equal(after.decide('build', one, subject).allow, true, JSON.stringify(one))
    }),
    { numRuns: runs(50, 150) },
  )
})

const written = fc.string({ unit: fc.oneof(letters, fc.constant('*')), minLength: 1, maxLength: 8 })

test('property: of a grant that is taken, something that the gateway can name is allowed', () => {
  let taken = 0
  fc.assert(
    fc.property(
      fc.constantFrom('git:read github', 'git:push github', 'npm:install npmjs'),
      written,
      written,
      (head, place, ref) => {
        const source = `${head}/${place}${head.startsWith('git:push') ? `@refs/${ref}` : ''}`
        const grant = parseGrant(source, kinds)
        if (typeof grant === 'string') return
        taken += 1
        const forms =
          grant.connection === 'npmjs'
            ? { path: table.npm.path.form, ref: undefined }
            : { path: table.git.path.form, ref: table.git.ref.form }
        const witness: Operation = {
          action: grant.action,
          connection: grant.connection,
          path: forms.path.witness(grant.path) ?? '',
          ...(grant.ref === undefined ? {} : { ref: forms.ref?.witness(grant.ref) ?? '' }),
        }
        assert.ok(forms.path.is(witness.path))
        const { policy } = compileText(policyText({ build: { trust, grants: [source] } }))
        assert.equal(
          policy.decide('build', witness, { issuer: 'github', attributes: {} }).allow,
          true,
          source,
        )
      },
    ),
    { numRuns: runs(300, 1_000) },
  )
  assert.ok(taken > runs(40, 160), `${taken} were taken`)
})

test('a grant for packages that its connection does not serve is refused when loaded', () => {
  const serving = (grants: readonly string[]) =>
    policyText({ build: { trust, grants } }).replace(
      'url: https://registry.example.com }',
      'url: https://registry.example.com, only: ["@octo/*", left-pad] }',
    )
  for (const grant of ['npm:install npmjs', 'npm:install npmjs/@octo/core', 'npm:resolve npmjs/left-*'])
    assert.deepEqual(refusalsOf(serving([grant])), [], grant)
  for (const grant of ['npm:install npmjs/express', 'npm:publish npmjs/@other/*@1.*'])
    assert.match(
      refusalsOf(serving([grant])).join('\n'),
      /never allows anything: connection "npmjs" serves only @octo\/\*, left-pad/,
    )
})

test('a grant of AWS by an ARN of the connection’s own account is refused when loaded, with the name that it goes by', () => {
  const own = (grants: readonly string[]) =>
    policyText({ build: { trust, grants } }).replace(
      'connections:\n',
      'connections:\n  prod: { kind: aws, account: "123456789012", regions: [eu-west-1], credential: { basic: "secret:aws" } }\n',
    )
  const refused = (grant: string) => refusalsOf(own([grant])).join('\n')
  assert.equal(refused('aws:call prod/sts:AssumeRole/arn:aws:iam::999999999999:role/deploy'), '')
  assert.match(
    refused('aws:call prod/s3:PutObject/arn:aws:s3:::releases/app/*'),
    /never allows anything: .* write "aws:call prod\/s3:PutObject\/releases\/app\/\*"/,
  )
  assert.match(
    refused('aws:call prod/sts:AssumeRole/arn:aws:iam::123456789012:role/deploy'),
    /write "aws:call prod\/sts:AssumeRole\/deploy"/,
  )
  assert.match(
    refused('aws:call prod/S3:putObject/releases/*'),
    /could never match: .*IAM spells .*: write "aws:call prod\/s3:PutObject\/releases\/\*"/,
  )
})
