import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { createProofSigner } from '../../src/identity/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'

const repositoryUrl = 'https://git.example.com/octo-org/links'
const probe = `  probe:
    trust: { issuer: ci, repository_id: "1296269", event: push, ref_protected: true }
    mode: shadow
    grants: [ "git:read git/octo-org/nothing", "git:push git/octo-org/nothing@refs/tags/x" ]
`

let stage: Stage
before(async () => {
  // Shared: anybody's jobs get tokens of this issuer.
  stage = await setStage({ policy: (text) => `${text.replace(', owner_id: "65781"', '')}${probe}` })
})
after(() => stage[Symbol.asyncDispose]())
beforeEach(() => {
  for (const name of readdirSync(stage.workspace)) rmSync(join(stage.workspace, name), { recursive: true })
  const policies = join(stage.folder, 'policies')
  if (existsSync(policies)) rmSync(policies, { recursive: true })
})

let runs = 0
/** Each a job of its own: in one and the same, a role that writes does not follow others in a workspace. */
const inStep = (role: string, script: string): Promise<Ran> =>
  stage.runJob(
    ['run', '--role', role, '--', 'bash', '-c', script],
    stage.jobEnvironment({ run_id: `90000${runs++}` }),
  )

function besidePolicy(name: string, text: string): void {
  mkdirSync(join(stage.folder, 'policies'), { recursive: true })
  writeFileSync(join(stage.folder, 'policies', name), text)
}

interface Entry {
  type: string
  run?: string
  data: Record<string, unknown>
}

/** The newest entry that fits, once the log has published it. */
async function published(fits: (entry: Entry) => boolean): Promise<Entry> {
  for (let tries = 0; tries < 200; tries++) {
    const shown = await stage.operate(['audit', 'show', '--data', stage.dataFolder, '--json'])
    const { entries } = JSON.parse(shown.stdout || '{"entries":[]}') as { entries: Entry[] }
    const found = entries.findLast(fits)
    if (found !== undefined) return found
    await new Promise((next) => setTimeout(next, 50))
  }
  throw new Error('the entry was never published')
}

async function exchange(claims: Record<string, unknown>, scope: string): Promise<Record<string, unknown>> {
  const signer = await createProofSigner({ clock: systemClock })
  const uri = `${stage.server}/oauth/token`
  signer.learnNonce((await fetch(`${stage.server}/oauth/jwks.json`)).headers.get('dpop-nonce'))
  const response = await fetch(uri, {
    method: 'POST',
    headers: { dpop: await signer.sign({ method: 'POST', uri }) },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: await stage.issuer.sign(stage.server, claims),
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      scope,
    }),
  })
  return (await response.json()) as Record<string, unknown>
}

const offline = (...args: string[]) => stage.operate([...args, '--data', stage.dataFolder])

test('a stranger on a shared issuer is told a request id and nothing else; an operator finds the reason', async () => {
  const stranger = {
    sub: 'repo:evil/app:ref:refs/heads/main',
    repository: 'evil/app',
    repository_id: '666',
    repository_owner_id: '667',
  }
  const known = await exchange({ ...stranger }, 'release')
  const unknown = await exchange({ ...stranger }, 'no-such-role')
  for (const answer of [known, unknown]) {
    assert.deepEqual(Object.keys(answer).toSorted(), ['error', 'error_description', 'request_id'])
    assert.equal(
      answer['error_description'],
      'not trusted here; an operator finds the reason under this request id',
    )
  }
  const request = String(known['request_id'])
  await published(({ data }) => data['request'] === request)
  const explained = await offline('explain', request)
  assert.equal(explained.exitCode, 1, explained.stderr)
  assert.match(explained.stdout, /NO {2}repository_id +expected 1296269, got 666/)
})

test('our own job is told which claims, and which role trusts it', async () => {
  const answer = await exchange({ ref: 'refs/heads/x', ref_protected: 'false' }, 'release')
  assert.match(
    String(answer['error_description']),
    /^role "release" does not trust this job: ref: expected refs\/heads\/main, got refs\/heads\/x; .*; role "build" does$/,
  )
})

test('raw Cedar beside the policy is applied with it: a forbid is in force, said where and why, and shown as a change', async () => {
  besidePolicy(
    'freeze.cedar',
    '@reason("the repository is frozen")\nforbid(principal, action, resource) when { resource.path == "octo-org/links" };\n',
  )
  const applied = await stage.operate(['apply', stage.policyFile])
  assert.equal(applied.exitCode, 0, applied.stderr)
  assert.match(applied.stdout, /^\+ policies\/freeze\.cedar: forbid\(principal/m)
  const frozen = await inStep('build', `git clone -q ${repositoryUrl} .`)
  assert.notEqual(frozen.exitCode, 0)
  assert.match(
    frozen.stderr,
    /forbidden by policies\/freeze\.cedar:2 \(the repository is frozen\): no grant allows it/,
  )
  rmSync(join(stage.folder, 'policies'), { recursive: true })
  assert.equal((await stage.operate(['apply', stage.policyFile])).exitCode, 0)
  const thawed = await inStep('build', `git clone -q ${repositoryUrl} .`)
  assert.equal(thawed.exitCode, 0, thawed.stderr)
})

const wrongTest = `tests:
  - name: anybody may release
    issuer: ci
    claims: { repository_id: "1296269", event_name: push, ref: refs/heads/dev }
    role: release
    expect: allow
`

test('a policy whose test fails is not applied, whoever sends it', async () => {
  besidePolicy('release.test.yaml', wrongTest)
  const says =
    /policies\/release\.test\.yaml:2:5: test "anybody may release": role "release" is denied, expected allow: ref: expected refs\/heads\/main, got refs\/heads\/dev/
  const refused = await stage.operate(['apply', stage.policyFile])
  assert.equal(refused.exitCode, 1)
  assert.match(refused.stderr, says)
  assert.match((await stage.operate(['policy', 'test', stage.policyFile])).stdout, says)
  // A client of its own does not get past it.
  const text = `${readFileSync(stage.policyFile, 'utf8')}${wrongTest}`
  const put = await fetch(`${stage.server}/v1/policy`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${stage.operatorToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  })
  assert.equal(put.status, 422)
  assert.match(((await put.json()) as { detail: string }).detail, /test "anybody may release"/)
})

test('explain, suggest, diff and the shadow report read what a real run left in the log', async () => {
  const ran = await inStep(
    'probe',
    `git clone -q ${repositoryUrl} . && git tag v40.0.0 && git push -q origin v40.0.0`,
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  const refused = await inStep('release', `git push -q origin HEAD:refs/heads/x`)
  assert.notEqual(refused.exitCode, 0)
  const request = /\((req_[a-z0-9]+)\)/.exec(refused.stderr)?.[1] ?? ''
  await published(({ data }) => data['request'] === request)

  const explained = await offline('explain', request)
  assert.match(explained.stdout, /role "release" trusts this job/)
  assert.match(explained.stdout, / {6}- git:push git\/octo-org\/links@refs\/heads\/x # add/)
  // Who triggered it is sealed in the log, and read again for a rule that looks at it.
  const { subject } = JSON.parse((await offline('explain', request, '--json')).stdout) as {
    subject: { attributes: Record<string, string> }
  }
  assert.equal(subject.attributes['actor'], 'octocat')

  // What no policy decided is told as its entry has it.
  const closed = await inStep('build', 'git ls-remote https://not-granted.example/x.git')
  const other = /\((req_[a-z0-9]+)\)/.exec(closed.stderr)?.[1] ?? ''
  await published(({ data }) => data['request'] === other)
  const told = await offline('explain', other)
  assert.deepEqual(
    [told.exitCode, /REFUSED not-granted\.example:443: .+ egress/.test(told.stdout)],
    [1, true],
  )

  const report = await offline('policy', 'shadow-report')
  assert.match(report.stdout, /role "probe" would have been denied:/)
  assert.match(
    report.stdout,
    / {2}- git:push git\/octo-org\/links@refs\/tags\/v40\.0\.0\n {2}- git:read git\/octo-org\/links/,
  )

  const { run = '' } = await published(
    ({ type, data }) => type === 'access.shadowed' && data['role'] === 'probe',
  )
  const suggested = await offline(
    'policy',
    'suggest',
    '--from-run',
    run,
    '--file',
    stage.policyFile,
    '--json',
  )
  const { yaml } = JSON.parse(suggested.stdout) as { yaml: string }
  assert.match(yaml, /probe:\n {4}trust:\n {6}issuer: "ci"\n {6}repository_id: "1296269"/)
  assert.match(yaml, /- git:push git\/octo-org\/links@refs\/tags\/v40\.0\.0\n/)

  const same = await offline(
    'policy',
    'diff',
    '--against-history',
    '1d',
    stage.policyFile,
    '--base',
    stage.policyFile,
  )
  assert.equal(same.exitCode, 0, same.stdout)
  const changed = join(stage.folder, 'changed.yaml')
  writeFileSync(
    changed,
    readFileSync(stage.policyFile, 'utf8').replace(
      'git/octo-org/links@refs/tags/v*',
      'git/octo-org/links@refs/heads/x',
    ),
  )
  const diff = await offline('policy', 'diff', '--against-history', '1d', changed)
  assert.equal(diff.exitCode, 1, diff.stderr)
  assert.match(
    diff.stdout,
    /^\+ git:push git\/octo-org\/links@refs\/heads\/x as release, octo-org\/links at refs\/heads\/main/m,
  )
})

test('explain, offline: claims by hand and a token file; an issuer that lets only one owner in', async () => {
  const explain = (...args: string[]) =>
    stage.operate(['explain', '--file', 'examples/mayfly.yaml', '--role', 'release', ...args])
  const byHand = await explain('--claim', 'repository_id=1296269', 'event_name=push', 'ref=refs/heads/x')
  assert.equal(byHand.exitCode, 1)
  assert.match(byHand.stdout, /ok {2}event +expected push, got push/)
  assert.match(byHand.stdout, /NO {2}ref +expected refs\/heads\/main, got refs\/heads\/x/)
  const file = join(stage.folder, 'token.jwt')
  writeFileSync(file, await stage.issuer.sign(stage.server))
  const byToken = await explain('--token', file, '--issuer', 'ci')
  assert.equal(byToken.exitCode, 0, byToken.stdout)
  const stranger = await explain('--token', file, '--issuer', 'ci', '--claim', 'owner_id=7')
  assert.equal(stranger.exitCode, 1)
  assert.match(stranger.stdout, /issuer "ci" lets in owner_id 65781 only, and the job has 7/)
})

test('the policy that we show passes lint', async () => {
  const lint = await stage.operate(['policy', 'lint', 'examples/mayfly.yaml'])
  assert.equal(lint.stdout, 'examples/mayfly.yaml: nothing to complain about\n')
  assert.equal(lint.exitCode, 0)
})
