import assert from 'node:assert/strict'
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { serveGit } from '../../../demo/peers/git-server.ts'
import { applyEdits, migrateFiles, readPipeline, referencesOf, type Project } from '../../pipelines/index.ts'
import { migratePipelines } from '../pipeline-migrate.ts'
import { pinCommand } from './command.ts'
import { findPins } from './find-pins.ts'
import { resolveTags } from './tags.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-pins-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A Git server in GitHub's place: git's own http-backend. `octo/setup` has a plain tag, an annotated one, a branch, and a name that is both. */
async function startHost(t: TestContext) {
  const root = folderOf(t)
  const repository = join(root, 'octo/setup')
  mkdirSync(repository, { recursive: true })
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', repository, ...args], {
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'],
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_NOSYSTEM: '1',
        ...Object.fromEntries(
          ['AUTHOR', 'COMMITTER'].flatMap((who) => [
            [`GIT_${who}_NAME`, 'a'],
            [`GIT_${who}_EMAIL`, 'a@example.com'],
          ]),
        ),
      },
    }).trim()
  git('init', '-q', '-b', 'main')
  git('commit', '-q', '--allow-empty', '-m', 'first')
  git('tag', 'v1')
  const first = git('rev-parse', 'HEAD')
  git('commit', '-q', '--allow-empty', '-m', 'second')
  git('tag', '-a', '-m', 'second', 'v2.0.0')
  git('tag', '-a', '-m', 'of the tag', 'v2.0.1', 'v2.0.0')
  const second = git('rev-parse', 'HEAD')
  git('branch', 'both')
  git('tag', 'both')
  git('tag', 'x/refs/tags/v9', first)
  const url = await serve(t, (request, response) => {
    if (request.url?.startsWith('/octo/moved') === true)
      response.writeHead(301, { location: (request.url ?? '').replace('moved', 'setup') }).end()
    else if (request.url?.startsWith('/octo/private') === true)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
    else if (request.url?.startsWith('/octo/setup') === true) serveGit(root, request, response)
    else response.writeHead(404).end()
  })
  return { url, first, second, annotated: git('rev-parse', 'v2.0.0') }
}

test('a tag is the commit that it stands for; an annotated one, too, and one of a tag', async (t) => {
  const { url, first, second, annotated } = await startHost(t)
  assert.notEqual(annotated, second)
  assert.deepEqual(Object.fromEntries(await resolveTags(url, 'octo/setup', ['v1', 'v2.0.0', 'v2.0.1'])), {
    v1: { commit: first },
    'v2.0.0': { commit: second },
    'v2.0.1': { commit: second },
  })
})

const refused: readonly (readonly [string, string, string, RegExp])[] = [
  ['a branch', 'octo/setup', 'main', /main is a branch/],
  ['what is a tag and a branch', 'octo/setup', 'both', /a tag and a branch/],
  ['what only ends like a tag', 'octo/setup', 'v9', /no tag v9/],
  ['a repository that is not there', 'octo/nothing', 'v1', /does not show it|could not be asked/],
  ['one that wants a login', 'octo/private', 'v1', /without a login/],
  ['one that is called otherwise now', 'octo/moved', 'v1', /sends on/],
  ['a name with a way up', 'octo/..', 'v1', /none that a repository has/],
  ['a name that is an option', '--upload-pack=x/y', 'v1', /none that a repository has/],
  ['a name with another host in it', 'octo@evil.example/setup', 'v1', /none that a repository has/],
  ['a version that is a pattern', 'octo/setup', 'v*', /none that a tag has/],
  ['a version that is an option', 'octo/setup', '--exec=x', /none that a tag has/],
  ['a version with a way up', 'octo/setup', 'v1/../v2', /none that a tag has/],
]

for (const [what, repository, version, why] of refused)
  test(`no commit is had for ${what}`, async (t) => {
    const { url } = await startHost(t)
    const found = (await resolveTags(url, repository, [version])).get(version)
    assert.ok(found !== undefined && 'why' in found)
    assert.match(found.why, why)
  })

test('a host that answers what Git does not gives no commit, and its words are not repeated', async (t) => {
  const url = await serve(t, (_, response) =>
    response
      .writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' })
      .end('0'.repeat(40)),
  )
  const found = (await resolveTags(url, 'octo/setup', ['v1'])).get('v1')
  assert.deepEqual(found, { why: 'its host could not be asked' })
})

test('what this machine’s Git is told of other addresses and logins does not count', async (t) => {
  const { url, first } = await startHost(t)
  const folder = folderOf(t)
  writeFileSync(
    join(folder, 'config'),
    `[url "http://127.0.0.1:9/"]\n\tinsteadOf = ${url}/\n[credential]\n\thelper = "!touch ${join(folder, 'asked')}"\n`,
  )
  const before = process.env['GIT_CONFIG_GLOBAL']
  process.env['GIT_CONFIG_GLOBAL'] = join(folder, 'config')
  t.after(() => {
    if (before === undefined) delete process.env['GIT_CONFIG_GLOBAL']
    else process.env['GIT_CONFIG_GLOBAL'] = before
  })
  assert.deepEqual((await resolveTags(url, 'octo/setup', ['v1'])).get('v1'), { commit: first })
  await resolveTags(url, 'octo/private', ['v1'])
  assert.equal(spawnSync('test', ['-e', join(folder, 'asked')]).status, 1)
})

test('a login that this machine’s .netrc has for the host is not shown to it', async (t) => {
  const shown: string[] = []
  const url = await serve(t, (request, response) => {
    if (request.headers.authorization !== undefined) shown.push(request.headers.authorization)
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
  })
  const home = folderOf(t)
  writeFileSync(join(home, '.netrc'), 'machine 127.0.0.1 login somebody password held-by-the-gateway\n', {
    mode: 0o600,
  })
  const before = process.env['HOME']
  process.env['HOME'] = home
  t.after(() => {
    if (before === undefined) delete process.env['HOME']
    else process.env['HOME'] = before
  })
  const found = (await resolveTags(url, 'octo/private', ['v1'])).get('v1')
  assert.deepEqual(found, { why: 'its host does not show it without a login' })
  assert.deepEqual(shown, [])
})

/** Distribution, as Debian has it. */
const program = 'docker-registry'
const noRegistry = spawnSync(program, ['--version']).status === 0 ? false : `${program} is not here`

/** A registry with one image, `octo/tool:1`. */
async function startRegistry(t: TestContext): Promise<{ host: string; digest: string }> {
  const folder = folderOf(t)
  const probe = createServer()
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done))
  const { port } = probe.address() as AddressInfo
  await new Promise((done) => probe.close(done))
  const host = `127.0.0.1:${port}`
  const config = `version: 0.1\nlog: { level: error }\nstorage: { filesystem: { rootdirectory: ${folder} } }\nhttp: { addr: "${host}" }\n`
  writeFileSync(join(folder, 'config.yml'), config)
  const child = spawn(program, ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
  t.after(() => child.kill())
  const base = `http://${host}/v2/octo/tool`
  while (!(await fetch(`http://${host}/v2/`).catch(() => undefined))?.ok) await sleep(50)
  const blob = Buffer.from('{}')
  const blobDigest = `sha256:${createHash('sha256').update(blob).digest('hex')}`
  const upload = await fetch(`${base}/blobs/uploads/`, { method: 'POST' })
  const place = new URL(upload.headers.get('location') ?? '', base)
  place.searchParams.set('digest', blobDigest)
  await fetch(place, { method: 'PUT', body: blob, headers: { 'content-type': 'application/octet-stream' } })
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const config0 = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: blobDigest, size: 2 }
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config: config0, layers: [] })
  const put = await fetch(`${base}/manifests/1`, {
    method: 'PUT',
    body: manifest,
    headers: { 'content-type': mediaType },
  })
  assert.equal(put.status, 201)
  return { host, digest: `sha256:${createHash('sha256').update(manifest).digest('hex')}` }
}

const project: Project = {
  server: 'https://mayfly.example.com',
  repository: { host: 'https://github.com', path: 'octo-org/app', defaultBranch: 'main', id: '1296269' },
  packages: {},
  pins: new Map(),
}

test(
  'a workflow is pinned: actions and their folders to commits with the version behind, images to digests, the rest with why',
  { skip: noRegistry },
  async (t) => {
    const { url, first, second } = await startHost(t)
    const { host, digest } = await startRegistry(t)
    const text = `on: push
jobs:
  a:
    runs-on: ubuntu-24.04
    container: ${host}/octo/tool:1
    services:
      b: { image: "${host}/octo/tool:1" }
    steps:
      - uses: octo/setup@v1
      - uses: 'octo/setup/sub/folder@v2.0.0'   
      - { uses: octo/setup@v1 }
      - uses: docker://${host}/octo/tool:1
      - uses: docker://${host}/octo/tool:2
      - uses: octo/setup@main
      - uses: octo/setup@v1 # keep
      - run: make
  c:
    uses: octo/setup/.github/workflows/w.yml@v2.0.0
`
    const file = readPipeline('.github/workflows/a.yml', text, 'github')
    const { pins, why } = await findPins([file], url)
    const [migration] = migrateFiles([file], { ...project, pins, pinsEverywhere: true })
    assert.ok(migration !== undefined)
    const image = `${host}/octo/tool:1@${digest}`
    assert.equal(
      applyEdits(text, migration.edits),
      text
        .replace(`container: ${host}/octo/tool:1`, `container: ${image}`)
        .replace(`image: "${host}/octo/tool:1"`, `image: "${image}"`)
        .replace('- uses: octo/setup@v1\n', `- uses: octo/setup@${first} # v1\n`)
        .replace("'octo/setup/sub/folder@v2.0.0'", `'octo/setup/sub/folder@${second}' # v2.0.0`)
        .replace(`docker://${host}/octo/tool:1`, `docker://${image}`)
        .replace('w.yml@v2.0.0', `w.yml@${second} # v2.0.0`),
    )
    assert.deepEqual(
      migration.unpinned.map(({ text: { value } }) => value),
      ['octo/setup@v1', `docker://${host}/octo/tool:2`, 'octo/setup@main', 'octo/setup@v1'],
    )
    assert.match(why.get('octo/setup@main') ?? '', /is a branch/)
    assert.match(why.get(`image ${host}/octo/tool:2`) ?? '', /has no octo\/tool:2/)
    // What is pinned is read as that, and nothing more is to be done.
    const again = readPipeline(file.path, applyEdits(text, migration.edits), 'github')
    const open = referencesOf(again).filter(({ pin }) => pin !== 'digest')
    assert.deepEqual(
      open.map(({ text: { value } }) => value),
      migration.unpinned.map(({ text: { value } }) => value),
    )
  },
)

test('the command that says a commit by hand works, and is none for a name that a shell could read otherwise', async (t) => {
  const { url, second } = await startHost(t)
  const [one] = referencesOf(
    readPipeline(
      'a.yml',
      'on: push\njobs: { a: { runs-on: x, steps: [{ uses: octo/setup/sub@v2.0.0 }] } }',
      'github',
    ),
  )
  assert.ok(one !== undefined)
  const command = pinCommand(one, url) ?? ''
  const { stdout: said } = await promisify(execFile)('sh', ['-c', command], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: '/nonexistent' },
  })
  assert.ok(said.trimEnd().split('\n').at(-1)?.startsWith(second), said)
  for (const [name, version] of [
    ['octo/$(id)', 'v1'],
    ['octo/setup', "v1';id;'"],
    ['octo/setup', '`id`'],
  ] as const)
    assert.equal(pinCommand({ ...one, name, version }, url), undefined)
  assert.equal(pinCommand({ ...one, kind: 'image', name: 'a;id', version: '1' }, url), undefined)
})

test('--pin --write pins a workflow that has no secret to move, and needs no server for it', async (t) => {
  const { url, first } = await startHost(t)
  const checkout = folderOf(t)
  const path = join(checkout, '.github/workflows/ci.yml')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(
    path,
    'on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: octo/setup@v1\n',
  )
  const options = { checkout, policy: 'mayfly.yaml', json: false, write: true, pin: true, githubUrl: url }
  assert.equal(await migratePipelines([], options), 0)
  assert.match(readFileSync(path, 'utf8'), new RegExp(`- uses: octo/setup@${first} # v1\n$`))
  assert.equal(existsSync(join(checkout, 'mayfly.yaml')), false)
})
