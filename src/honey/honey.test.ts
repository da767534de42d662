import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { openSession, setup, stepRequest, identity, type Setup } from '../broker/broker.fixture.ts'
import type { HoneyConfig } from '../config/index.ts'
import { newOrderedId, type StepId } from '../lib/index.ts'
import { compileDocument } from '../rules/index.ts'
import { coreOf, readCore } from './core.ts'
import { coresIn } from './find.ts'
import { formats, sshSeed, type FormatName } from './formats.ts'
import { createHoney } from './index.ts'
import { openSshKey, sshSeedsIn } from './ssh-key.ts'

const seed = randomBytes(32)
const names = Object.keys(formats) as FormatName[]

const config: HoneyConfig = {
  files: {
    '.aws/credentials': 'aws',
    '.netrc': 'netrc',
    '.npmrc': 'npm',
    '.docker/config.json': 'docker',
    '.kube/config': 'kubernetes',
    '.ssh/id_ed25519': 'ssh',
    '.git-credentials': 'git',
  },
  env: { DEPLOY_TOKEN: 'github' },
  hosts: ['git.corp.example.com', 'registry.corp.example.com'],
}

const honeyOf = ({ store, vaultKey }: Setup, of: HoneyConfig | 'none' = config) =>
  createHoney({ store, vaultKey, config: () => (of === 'none' ? undefined : of) })

async function openStep(it: Setup, run = '77') {
  const session = await openSession(it.broker, {
    identity: identity({ run: { id: run, attempt: '1', job: '1' } }),
  })
  return it.broker.openStep(session, stepRequest({ name: `test ${run}` }))
}

// --- The core and its forms.

test('property: a core says its time and place, and of which step it is', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 44 }), fc.nat({ max: 255 }), (ms, place) => {
      const step = newOrderedId<StepId>('stp', ms)
      const read = readCore(seed, coreOf(seed, step, place))
      assert.ok(step.startsWith(read.stepPrefix))
      assert.equal(read.place, place)
      assert.ok(read.isOf(step))
      assert.equal(read.isOf(newOrderedId<StepId>('stp', ms)), false)
    }),
  )
})

test('every form is found in a text, and read back; another seed reads nothing', () => {
  const other = randomBytes(32)
  for (const name of names) {
    const core = randomBytes(10)
    const made =
      name === 'jwt'
        ? `eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.${formats[name].make(seed, core)}`
        : formats[name].make(seed, core)
    assert.deepEqual(coresIn(seed, `x=${made}&y`, true), [core], name)
    // An access key's id has no room for a check of its own: the store says that there is no such step.
    if (name !== 'aws-id') assert.deepEqual(coresIn(other, made, true), [], name)
  }
  const key = sshSeed.make(seed, seed.subarray(0, 10))
  const text = openSshKey(key, 'x')
  for (const form of [text, JSON.stringify(text), text.replaceAll('\n', '\r\n')])
    assert.deepEqual(coresIn(seed, `${form} and more`, false), [seed.subarray(0, 10)])
  assert.deepEqual(sshSeedsIn(text), [key])
})

test('forms are as their issuers make them: length, alphabet, checksum', () => {
  const core = randomBytes(10)
  const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const checksum = (body: string) => {
    let [left, text] = [crc32(body), '']
    for (; text.length < 6; left = Math.floor(left / 62)) text = `${base62[left % 62]}${text}`
    return text
  }
  // A published example of GitHub's checksum, so that ours is held against theirs.
  assert.equal(checksum('zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ'), '0mLq17')
  assert.match(formats['aws-id'].make(seed, core), /^AKIA[A-Z2-7]{16}$/)
  assert.match(formats['aws-secret'].make(seed, core), /^[A-Za-z0-9]{40}$/)
  assert.match(formats.gitlab.make(seed, core), /^glpat-[A-Za-z0-9]{20}$/)
  assert.match(formats.docker.make(seed, core), /^dckr_pat_[A-Za-z0-9]{27}$/)
  for (const name of ['github', 'npm'] as const) {
    const made = formats[name].make(seed, core)
    assert.match(made, name === 'github' ? /^ghp_[A-Za-z0-9]{36}$/ : /^npm_[A-Za-z0-9]{36}$/)
    assert.equal(made.slice(-6), checksum(made.slice(4, 34)))
  }
})

test('a value does not show that it is one: its characters are spread as in a real one', () => {
  const firsts = new Set(Array.from({ length: 600 }, () => formats.gitlab.make(seed, randomBytes(10))[6]))
  assert.ok(firsts.size > 50, `only ${firsts.size} first characters`)
})

test('ssh-keygen takes the key', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-honey-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'id')
  writeFileSync(file, openSshKey(sshSeed.make(seed, randomBytes(10)), 'deploy@git'))
  chmodSync(file, 0o600)
  const shown = spawnSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' })
  if (shown.error !== undefined) return t.skip('no ssh-keygen here')
  assert.match(shown.stdout, /^ssh-ed25519 \S+ deploy@git\n$/, shown.stderr)
})

// --- Planted and found, over a real store.

test('each value says run, step and place; another step has others; the same after a restart and in another server', async (t) => {
  const it = await setup(t)
  const [one, two] = [await openStep(it, '77'), await openStep(it, '78')]
  const [honey, elsewhere] = [honeyOf(it), honeyOf(it)]
  const [first, second, again] = [await honey.plant(one), await honey.plant(two), await elsewhere.plant(one)]
  assert.ok(first && second)
  assert.deepEqual(again, first)
  const texts = (planting: typeof first) => [...Object.values(planting.files), ...Object.values(planting.env)]
  assert.equal(new Set([...texts(first), ...texts(second)]).size, 16)
  for (const [places, kind] of [
    [first.files, 'file'],
    [first.env, 'env'],
  ] as const)
    for (const [name, text] of Object.entries(places)) {
      // Docker keeps user and password in base64, as a Basic header has them.
      const auth = /"auth": "([^"]+)"/.exec(text)?.[1]
      const plain = auth === undefined ? text : Buffer.from(auth, 'base64').toString()
      assert.deepEqual(
        await elsewhere.find(plain),
        [{ run: one.session.runId, step: one.id, name: 'test 77', role: 'build', place: `${kind}:${name}` }],
        name,
      )
    }
  const [aws] = /aws_secret_access_key = (\S+)/.exec(first.files['.aws/credentials'] ?? '')?.slice(1) ?? []
  assert.deepEqual(await honey.find(aws ?? ''), [])
  assert.equal((await honey.find(aws ?? '', { unmarked: true }))[0]?.place, 'file:.aws/credentials')
  await it.restart()
  assert.deepEqual(await honeyOf(it).plant(one), first)
})

test('a value found later says its place though the policy has changed since, or plants nothing any more', async (t) => {
  const it = await setup(t)
  const step = await openStep(it)
  const value = (await honeyOf(it).plant(step))?.env['DEPLOY_TOKEN'] ?? ''
  await honeyOf(it, { ...config, files: { '.pypirc': 'netrc' }, env: { OTHER_TOKEN: 'npm' } }).plant(step)
  assert.equal((await honeyOf(it, 'none').find(value))[0]?.place, 'env:DEPLOY_TOKEN')
  assert.equal(await honeyOf(it, 'none').plant(step), undefined)
})

test('only the roles that are named find anything', async (t) => {
  const it = await setup(t)
  const step = await openStep(it)
  const honey = honeyOf(it, { ...config, roles: ['release'] })
  assert.deepEqual([honey.plantsIn('build'), honey.plantsIn('release')], [false, true])
  assert.equal(await honey.plant(step), undefined)
})

test('nobody is blamed for what is not theirs: changed, mixed and made-up values are found nowhere', async (t) => {
  const it = await setup(t)
  const honey = honeyOf(it)
  // Of the same millisecond, so that their ids begin alike.
  const [one, two] = [await openStep(it, '77'), await openStep(it, '78')]
  const [mine, theirs] = [await honey.plant(one), await honey.plant(two)]
  const [a, b] = [mine?.env['DEPLOY_TOKEN'] ?? '', theirs?.env['DEPLOY_TOKEN'] ?? '']
  const resigned = (body: string) => {
    const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    let [left, text] = [crc32(body), '']
    for (; text.length < 6; left = Math.floor(left / 62)) text = `${base62[left % 62]}${text}`
    return `ghp_${body}${text}`
  }
  const mixed = Array.from({ length: 29 }, (_, i) => resigned(a.slice(4, 5 + i) + b.slice(5 + i, 34)))
  const id = /AKIA\w+/.exec(mine?.files['.aws/credentials'] ?? '')?.[0] ?? ''
  const flipped = Array.from({ length: 16 }, (_, i) => {
    const char = id[4 + i] === 'A' ? 'B' : 'A'
    return `${id.slice(0, 4 + i)}${char}${id.slice(5 + i)}`
  })
  const guessed = Array.from({ length: 2_000 }, () => formats['aws-id'].make(seed, randomBytes(10)))
  for (const text of [
    ...mixed.filter((one) => one !== a && one !== b),
    ...flipped,
    guessed.join(' '),
    'AKIAIOSFODNN7EXAMPLE',
    'ghp_',
    a.slice(0, -1),
    `${a}x`,
  ])
    assert.deepEqual(await honey.find(text), [], text.slice(0, 100))
  assert.equal((await honey.find(a))[0]?.step, one.id)
})

test('the seed is in the store sealed, once for all servers', async (t) => {
  const it = await setup(t)
  const step = await openStep(it)
  const plantings = await Promise.all([honeyOf(it).plant(step), honeyOf(it).plant(step)])
  assert.deepEqual(plantings[0], plantings[1])
  const rows = await it.store.read.selectFrom('meta').selectAll().where('key', 'like', 'honey%').execute()
  assert.deepEqual(rows.map(({ key }) => key).toSorted(), ['honey_places', 'honey_seed'])
})

// --- What a policy may not plant.

const policy = (honey: string) => `
issuers: { github: { kind: github-actions, owner_id: "1" } }
connections: { git: { kind: git, url: https://git.example.com } }
egress: ["*.cdn.example.net"]
roles:
  build: { trust: { issuer: github, repository_id: "1" }, grants: [git:read git/octo/app] }
honey: ${honey}`

const refused: readonly (readonly [string, RegExp])[] = [
  ['{ files: { .netrc: netrc }, hosts: [git.example.com] }', /named by connection "git"/],
  ['{ files: { .netrc: netrc }, hosts: [a.cdn.example.net] }', /named by egress/],
  ['{ files: { .netrc: netrc }, hosts: [g.example.org], roles: [no] }', /no role "no"/],
  ['{ files: { ../.netrc: netrc }, hosts: [g.example.org] }', /within the step’s home/],
  ['{ files: { /etc/passwd: netrc }, hosts: [g.example.org] }', /within the step’s home/],
  ['{ files: { .netrc: netrc } }', /hosts/],
  ['{ hosts: [g.example.org] }', /nothing is planted/],
  ...['GITHUB_TOKEN', 'NPM_TOKEN', 'AWS_ACCESS_KEY_ID', 'PATH', 'LD_PRELOAD', 'https_proxy'].map(
    (name) => [`{ env: { ${name}: github }, hosts: [g.example.org] }`, /no tool reads by itself/] as const,
  ),
]
for (const [honey, message] of refused)
  test(`refused when it is loaded: honey: ${honey}`, () => {
    const result = compileDocument(policy(honey), 'mayfly.yaml')
    assert.equal(result.ok, false)
    assert.match(result.ok ? '' : result.problems.map((one) => one.message).join('\n'), message)
  })

test('a policy with honey is taken', () => {
  const result = compileDocument(
    policy(
      '{ files: { .aws/credentials: aws }, env: { DEPLOY_TOKEN: github }, hosts: [git.corp.example.org] }',
    ),
    'mayfly.yaml',
  )
  assert.ok(result.ok)
})
