import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPipeline } from '../read/read-pipeline.ts'
import { goesTo, sentIn, usualWay } from './http-way.ts'
import { migrateFiles } from './migrate.ts'
import { draftPolicyText } from './policy.ts'

const api = 'https://api.octo.example/v1/x'
const header = (name: string, prefix?: string) =>
  JSON.stringify({ header: name, ...(prefix === undefined ? {} : { prefix }) })

const ways: readonly (readonly [script: string, credential: string, holds: string])[] = [
  [`curl -H "Authorization: Bearer $K" ${api}`, '"bearer"', 'the token'],
  [`curl --oauth2-bearer "$K" ${api}`, '"bearer"', 'the token'],
  [`curl -sS -H 'accept: x' -H "X-Api-Key: \${K}" ${api}`, header('X-Api-Key'), 'the token'],
  [`curl --header="PRIVATE-TOKEN: $K" ${api}`, header('PRIVATE-TOKEN'), 'the token'],
  [`wget --header "Authorization: token $K" ${api}`, header('Authorization', 'token '), 'the token'],
  [
    `curl -H "Authorization: Basic $K" ${api}`,
    header('Authorization', 'Basic '),
    'what stands behind Basic, in base64',
  ],
  [`curl -u "bot:$K" ${api}`, '"basic"', 'bot:TOKEN'],
  [`curl --user "$WHO:$K" ${api}`, '"basic"', 'USER:TOKEN'],
  [`curl -u "$K:" ${api}`, '"basic"', 'TOKEN:'],
  [`curl -u $K ${api}`, '"basic"', 'USER:PASSWORD'],
  [`curl https://bot:$K@api.octo.example/x`, '"basic"', 'bot:TOKEN'],
  [`curl -fsSH "X-Key: $K" ${api}`, header('X-Key'), 'the token'],
  [`curl -su "bot:$K" ${api}`, '"basic"', 'bot:TOKEN'],
  [`echo "::add-mask::$K"\ncurl -F f=@a.zip -H "X-Key: $K" ${api}`, header('X-Key'), 'the token'],
  [`http POST ${api} "X-Key:$K"`, header('X-Key'), 'the token'],
  [`curl -H "X-Key: \${{ secrets.K }}" ${api}`, header('X-Key'), 'the token'],
]
for (const [script, credential, holds] of ways)
  test(`a credential is added as the script sends it: ${script}`, () => {
    const sent = sentIn(script, ['K'])
    assert.ok(sent !== undefined && 'way' in sent)
    assert.deepEqual([JSON.stringify(sent.way.credential), sent.way.holds], [credential, holds])
  })

const left: readonly (readonly [script: string, why: RegExp])[] = [
  [`curl "${api}?key=$K"`, /the parameter key of the address/],
  [`curl "https://api.octo.example/$K/x"`, /a part of the address/],
  [`curl -d "token=$K" ${api}`, /in the body/],
  [`curl --json "{\\"a\\": \\"$K\\"}" ${api}`, /in the body/],
  [`curl -H "Authorization: Basic $(printf 'a:%s' $K | base64)" ${api}`, /holds more than it/],
  [`curl -H "X-A: $K" ${api}; echo "{$K}" > a.json; curl -d @a.json ${api}`, /in the body/],
  [`printf '%s' "$K" | curl --data @- ${api}`, /in the body/],
  [`curl -H "Cookie: $K" ${api}`, /holds more than it/],
  [`curl -u "bot:x$K" ${api}`, /a part of the password/],
  [`curl -H "X-A: $K" ${api}\ncurl -u "a:$K" ${api}`, /in several ways/],
]
for (const [script, why] of left)
  test(`what no connection can add is told: ${script}`, () => {
    const sent = sentIn(script, ['K'])
    assert.ok(sent !== undefined && 'why' in sent)
    assert.match(sent.why, why)
  })

test('a name that only begins so is another variable, and what no request names is not shown', () => {
  assert.equal(sentIn(`curl -H "X-A: $K2" ${api}`, ['K']), undefined)
  assert.equal(sentIn(`H="X-A: $K"\ncurl -H "$H" ${api}`, ['K']), undefined)
})

test('the tools of a service send it as its API takes it', () => {
  assert.deepEqual(usualWay('anthropic'), {
    way: { credential: { header: 'x-api-key' }, holds: 'the token' },
  })
  assert.ok('why' in usualWay('ovsx'))
  assert.deepEqual(usualWay('netlify'), { way: { credential: 'bearer', holds: 'the token' } })
})

function move(lines: readonly string[]) {
  const text = lines.map((line, i) => `j${i}:\n  script:\n    - ${line}\n`).join('')
  const migrations = migrateFiles([readPipeline('.gitlab-ci.yml', text, 'gitlab')], {
    server: 'https://mayfly.example.com',
    repository: { host: 'https://gitlab.com', path: 'octo/app', defaultBranch: 'main', id: '5' },
    packages: {},
    pins: new Map(),
  })
  const policy = draftPolicyText(
    [],
    migrations.flatMap(({ roles }) => roles),
    migrations,
  )
  return { policy, kept: migrations.flatMap(({ kept }) => kept.map(({ what, why }) => `${what}: ${why}`)) }
}

test('the policy says how, and what the secret holds', () => {
  const { policy } = move([
    `'curl -f -H "Authorization: token $A_TOKEN" https://a.octo.example/v1/x'`,
    `'curl -f -u "bot:$B_PASSWORD" https://b.octo.example/v1/x'`,
  ])
  assert.match(
    policy.text,
    /credential: \{ header: \{ name: Authorization, prefix: "token ", secret: secret:api-a-octo-example \} \}/,
  )
  assert.match(policy.text, /credential: \{ basic: secret:api-b-octo-example \}/)
  assert.deepEqual(policy.secrets, [
    { name: 'api-a-octo-example', holds: 'the token' },
    { name: 'api-b-octo-example', holds: 'bot:TOKEN' },
  ])
})

test('a connection has one credential: what is sent there in another way stays', () => {
  const { kept } = move([
    `'curl -f -H "X-A: $A_TOKEN" https://a.octo.example/v1/x'`,
    `'curl -f -H "X-B: $B_TOKEN" https://a.octo.example/v1/x'`,
  ])
  assert.deepEqual(kept, [
    'B_TOKEN: another one is sent to a.octo.example in another way, and its connection has one credential',
  ])
})

const places: readonly (readonly [script: string, goes: boolean])[] = [
  [`curl -H "X-A: $K" ${api}`, true],
  [`curl -H "X-A: $K" --url=https://api.octo.example:443`, true],
  [`curl -u a:$K https://API.octo.example?x=1`, true],
  [`curl https://bot:$K@api.octo.example/x`, true],
  [`curl -H "X-A: $OTHER" "$URL/x"`, true],
  [`URL=https://api.octo.example/v1\ncurl -H "X-A: $K" "$URL/x"`, true],
  [`URL=https://other.example/v1\ncurl -H "X-A: $K" "\${URL}/x"`, false],
  [`curl -H "X-A: $K" "$URL/x"`, false],
  [`curl -H "X-A: $K" https://api.octo.example.evil.example/x`, false],
  [`curl -H "X-A: $K" http://api.octo.example/x`, false],
  [`curl -H "X-A: $K" ${api}\ncurl -H "X-A: $K" "$URL/x"`, false],
]
for (const [script, goes] of places)
  test(`where a request goes is what it says itself: ${script}`, () => {
    assert.equal(goesTo('api.octo.example', script, ['K']), goes)
  })

test('a secret for an address that is computed is not that of the API beside it', () => {
  const { kept } = move([
    `|\n      curl -f -H "X-A: $A_TOKEN" "$A_URL/v1/x"\n      curl -f -H "X-A: $B_TOKEN" https://b.octo.example/v1/x`,
  ])
  assert.deepEqual(kept, [
    'A_TOKEN: it is sent to an address that the script does not say, or to another one than b.octo.example',
    'B_TOKEN: the job needs A_TOKEN, too, which cannot be moved',
  ])
})

/** A job of each CI whose script sends TOKEN to an API that a connection of Git's forge is for. */
const toForge = {
  gitlab: (curl: string) =>
    readPipeline('.gitlab-ci.yml', `tell:\n  script:\n    - ${curl}\n  only: [main]\n`, 'gitlab'),
  github: (curl: string) =>
    readPipeline(
      '.github/workflows/a.yml',
      `on: { push: { branches: [main] } }
jobs:
  tell:
    runs-on: ubuntu-24.04
    steps:
      - run: |
          ${curl}
        env: { GH_PAT: '\${{ secrets.GH_PAT }}' }
`,
      'github',
    ),
} as const

const forgeApis: readonly (readonly [ci: keyof typeof toForge, curl: string, why: RegExp | undefined])[] = [
  [
    'github',
    'curl -H "Authorization: Bearer $GH_PAT" -d x https://api.github.com/repos/o/r/dispatches',
    undefined,
  ],
  ['github', 'curl -d "access_token=$GH_PAT" https://api.github.com/repos/o/r/dispatches', /in the body/],
  [
    'github',
    'curl -d x "https://api.github.com/repos/o/r/dispatches?access_token=$GH_PAT"',
    /the parameter access_token/,
  ],
  [
    'gitlab',
    'curl -F "private_token=$API_TOKEN" "$CI_API_V4_URL/projects/$CI_PROJECT_ID/releases"',
    /in the body/,
  ],
  [
    'gitlab',
    'curl -sH "PRIVATE-TOKEN:$API_TOKEN" -d a=b "$CI_API_V4_URL/projects/$CI_PROJECT_ID/releases"',
    undefined,
  ],
  ['gitlab', 'curl -H "X-Key:$API_TOKEN" https://gitlab.com/x', /where Git is, too/],
]
for (const [ci, curl, why] of forgeApis)
  test(`what goes to a forge's API but not in a header alone stays: ${curl}`, () => {
    const migrations = migrateFiles([toForge[ci](curl)], {
      server: 'https://mayfly.example.com',
      repository: { host: `https://${ci}.com`, path: 'octo/app', defaultBranch: 'main', id: '1' },
      packages: {},
      pins: new Map(),
    })
    const kept = migrations.flatMap((one) => one.kept.map((each) => each.why))
    if (why === undefined) assert.deepEqual(kept, [])
    else assert.match(kept.join('\n'), why)
  })
