import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { limits } from '../lib/index.ts'
import type { ServerApi } from './api.ts'
import type { StepGrant } from './api-facts.ts'
import { lockfilesOf, lockfilesOnce, readWorkspaceLockfile } from './lockfile.ts'
import type { StepRequest } from './step-request.ts'
import { temporaryFolder } from './sandbox/sandbox.fixture.ts'

const name = 'package-lock.json'

test('a lockfile is read, in a folder below too, and one that is not there is none', (t) => {
  const workspace = temporaryFolder(t)
  assert.equal(readWorkspaceLockfile(workspace, name), undefined)
  writeFileSync(join(workspace, name), '{"ä":1}')
  assert.equal(readWorkspaceLockfile(workspace, name), '{"ä":1}')
  mkdirSync(join(workspace, 'a/b'), { recursive: true })
  writeFileSync(join(workspace, 'a/b', name), 'below')
  assert.equal(readWorkspaceLockfile(workspace, `a/b/${name}`), 'below')
  assert.equal(readWorkspaceLockfile(workspace, `./a/../a/b/${name}`), 'below')
})

test('a link to a file, or to a folder on the way, is no lockfile', (t) => {
  const [workspace, outside] = [temporaryFolder(t), temporaryFolder(t)]
  writeFileSync(join(outside, name), 'a file of the machine')
  symlinkSync(join(outside, name), join(workspace, name))
  assert.equal(readWorkspaceLockfile(workspace, name), undefined)
  symlinkSync(outside, join(workspace, 'a'))
  assert.equal(readWorkspaceLockfile(workspace, `a/${name}`), undefined)
  mkdirSync(join(outside, 'b'))
  renameSync(join(outside, name), join(outside, 'b', name))
  assert.equal(readWorkspaceLockfile(workspace, `a/b/${name}`), undefined)
  symlinkSync('/etc/hostname', join(workspace, 'loop'))
  assert.equal(readWorkspaceLockfile(workspace, `loop/${name}`), undefined)
})

test('a FIFO, a device, a socket and a folder are no lockfile, and nothing is waited for', async (t) => {
  const workspace = temporaryFolder(t)
  execFileSync('mkfifo', [join(workspace, 'fifo')])
  mkdirSync(join(workspace, 'folder'))
  const server = createServer().listen(join(workspace, 'socket'))
  t.after(() => server.close())
  await new Promise((done) => server.once('listening', done))
  for (const path of ['fifo', 'folder', 'socket'])
    assert.equal(readWorkspaceLockfile(workspace, path), undefined, path)
  assert.equal(readWorkspaceLockfile('/dev', 'zero'), undefined)
  assert.equal(readWorkspaceLockfile('/dev', 'null'), undefined)
})

test('a lockfile over the limit is none, whatever it takes on disk', (t) => {
  const workspace = temporaryFolder(t)
  const file = join(workspace, name)
  writeFileSync(file, '')
  truncateSync(file, limits.lockfileBytes + 1)
  assert.equal(readWorkspaceLockfile(workspace, name), undefined)
  truncateSync(file, limits.lockfileBytes)
  assert.equal(readWorkspaceLockfile(workspace, name)?.length, limits.lockfileBytes)
})

// Was so once: outside of the workspace the walk up to it never ends (`--lockfile ../x` hangs `mayfly run`).
test('a path outside of the workspace is no lockfile, and ends', (t) => {
  const workspace = temporaryFolder(t)
  mkdirSync(join(workspace, 'inside'))
  writeFileSync(join(workspace, name), 'outside')
  for (const path of [`../${name}`, `../../../../../../..${workspace}/${name}`]) {
    const script = `import { readWorkspaceLockfile } from ${JSON.stringify(new URL('lockfile.ts', import.meta.url).href)}
      console.log(String(readWorkspaceLockfile(${JSON.stringify(join(workspace, 'inside'))}, ${JSON.stringify(path)})))`
    const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 5000,
      killSignal: 'SIGKILL',
    })
    assert.deepEqual([signal, stdout.trim()], [null, 'undefined'], path)
  }
})

const npm = {
  connections: [{ name: 'npm', kind: 'npm', url: 'https://npm.test', authority: 'npm.test:443' }],
}

function workspaceWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const workspace = temporaryFolder(t)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(workspace, dirname(path)), { recursive: true })
    writeFileSync(join(workspace, path), text)
  }
  return workspace
}

const pathsOf = (workspace: string, lockfile = name) =>
  lockfilesOf(npm, { workspace, lockfile }).files.map(({ path }) => path)

test('every lockfile of the workspace is found: of all tools, in folders of it, not in those of others', (t) => {
  const workspace = workspaceWith(t, {
    [name]: '{}',
    'web/pnpm-lock.yaml': 'x',
    'a/b/c/d/yarn.lock': 'x',
    'a/b/c/d/e/yarn.lock': 'too deep',
    'node_modules/ms/package-lock.json': 'of others',
    'vendor/package-lock.json': 'of others',
    '.git/package-lock.json': 'of others',
    '.github/actions/x/bun.lock': 'x',
    'go.sum': 'of no connection of the role',
    'other.json': 'named',
  })
  assert.deepEqual(pathsOf(workspace), [
    name,
    'web/pnpm-lock.yaml',
    '.github/actions/x/bun.lock',
    'a/b/c/d/yarn.lock',
  ])
  assert.equal(pathsOf(workspace, 'other.json')[0], 'other.json')
  assert.deepEqual(lockfilesOf({ connections: [] }, { workspace, lockfile: name }).files.length, 1)
})

test('lockfiles of Python have names of a form, also by the folder that they lie in', (t) => {
  const workspace = workspaceWith(
    t,
    Object.fromEntries(
      [
        ...['requirements.txt', 'requirements-dev.txt', 'dev-requirements.txt', 'requirements/base.txt'],
        ...[
          'a/requirements/ci.txt',
          'pylock.ci.toml',
          'sub/uv.lock',
          'notes.txt',
          'docs/base.txt',
          'pylock.toml.bak',
        ],
      ].map((path) => [path, 'x']),
    ),
  )
  const pypi = { name: 'pypi', kind: 'pypi', url: 'https://pypi.test', authority: 'pypi.test:443' }
  assert.deepEqual(
    lockfilesOf({ connections: [pypi] }, { workspace, lockfile: name })
      .files.map(({ path }) => path)
      .toSorted(),
    [
      ...['a/requirements/ci.txt', 'dev-requirements.txt', 'pylock.ci.toml', 'requirements-dev.txt'],
      ...['requirements.txt', 'requirements/base.txt', 'sub/uv.lock'],
    ],
  )
})

test('beside npm-shrinkwrap.json the package-lock.json does not count, as with npm', (t) => {
  const workspace = workspaceWith(t, {
    'npm-shrinkwrap.json': '{}',
    [`web/${name}`]: '{}',
    [`api/npm-shrinkwrap.json`]: '{}',
    [`api/${name}`]: '{}',
  })
  assert.deepEqual(pathsOf(workspace), ['npm-shrinkwrap.json', 'api/npm-shrinkwrap.json', `web/${name}`])
})

test('links, pipes and what is too large are left out and said', (t) => {
  const workspace = workspaceWith(t, { [name]: '{}', 'large/package-lock.json': '' })
  const outside = workspaceWith(t, { [name]: 'outside' })
  mkdirSync(join(workspace, 'web'))
  symlinkSync(join(outside, name), join(workspace, 'web', name))
  symlinkSync(outside, join(workspace, 'linked'))
  mkdirSync(join(workspace, 'pipe'))
  execFileSync('mkfifo', [join(workspace, 'pipe', name)])
  truncateSync(join(workspace, 'large', name), limits.lockfileBytes + 1)
  const { files, notes } = lockfilesOf(npm, { workspace, lockfile: name })
  assert.deepEqual(
    files.map(({ path }) => path),
    [name],
  )
  assert.deepEqual(notes, [
    `pipe/${name}, web/${name}: no plain file, so it pins nothing`,
    `large/${name}: over ${limits.lockfileBytes} bytes, so it pins nothing`,
  ])
})

test('more lockfiles than are taken, and more bytes than are taken, are said', (t) => {
  const many = workspaceWith(
    t,
    Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`p${i}/${name}`, '{}'])),
  )
  const found = lockfilesOf(npm, { workspace: many, lockfile: name })
  assert.equal(found.files.length, 64)
  assert.match(found.notes.join(), /not the whole workspace was searched for lockfiles/)
  const large = workspaceWith(t, { [name]: '{}', [`b/${name}`]: '', [`c/${name}`]: '' })
  for (const folder of ['b', 'c'])
    truncateSync(join(large, folder, name), Math.floor(limits.lockfileBytes * 0.6))
  const cut = lockfilesOf(npm, { workspace: large, lockfile: name })
  assert.deepEqual(
    cut.files.map(({ path }) => path),
    [name, `b/${name}`],
  )
  assert.match(cut.notes.join(), /^c\/package-lock\.json: left out/)
})

test('what could not be read, and what no registry brings and the role does not reach, is told once', async (t) => {
  const workspace = workspaceWith(t, { [name]: '{}' })
  let handed = 0
  // STUB of the server: what it says of lockfiles is all that is asked of it.
  const api = {
    pinLockfiles: async () => {
      handed++
      return {
        packages: 1,
        files: [{ path: name }, { path: 'test/bun.lock', unread: 'bun.lock is not JSON' }],
        gaps: [1, 2, 3, 4, 5, 6, 7].map((line) => ({
          path: name,
          line,
          entry: `e${line}`,
          why: 'no version',
        })),
        outside: [
          { name: 'tool', kind: 'git', host: 'git.test' },
          { name: 'odd', kind: 'url', host: 'codeload.test' },
          { name: 'known', kind: 'git', host: 'known.test' },
          { name: 'open', kind: 'url', host: 'open.test' },
        ],
      }
    },
  } as unknown as ServerApi
  const git = { name: 'git', kind: 'git', url: 'https://known.test', authority: 'known.test:443' }
  const step = { connections: [...npm.connections, git], egress: ['open.test:443'] } as unknown as StepGrant
  const told: string[] = []
  const handOver = lockfilesOnce(api, step, { workspace, lockfile: name } as StepRequest, (line) =>
    told.push(line),
  )
  await Promise.all([handOver(), handOver()])
  await handOver()
  assert.equal(handed, 1)
  assert.deepEqual(told, [
    'mayfly: test/bun.lock: bun.lock is not JSON',
    `mayfly: ${name}: what cannot be read pins nothing: ${[1, 2, 3, 4, 5].map((i) => `line ${i}, e${i} (no version)`).join(', ')} and 2 more`,
    'mayfly: not from a registry, and not reached by this role: tool (Git, git.test: needs git:read), odd (codeload.test: needs egress)',
  ])
})

test('a lockfile that was named and is not there: nothing goes to a registry until it is, and that is said once', async (t) => {
  const workspace = temporaryFolder(t)
  writeFileSync(join(workspace, name), '{}')
  let handed = 0
  const api = {
    pinLockfiles: async () => {
      handed++
      return { unread: [], outside: [] }
    },
  } as unknown as ServerApi
  const told: string[] = []
  const request = { workspace, lockfile: 'nope.json' } as StepRequest
  const step = { connections: [{ kind: 'npm' }] } as unknown as StepGrant
  const handOver = lockfilesOnce(api, step, request, (line) => told.push(line))
  for (const _ of [1, 2])
    await assert.rejects(handOver(), /nope\.json, the lockfile that was named, is no file/)
  assert.deepEqual([handed, told.length], [0, 1])
  writeFileSync(join(workspace, 'nope.json'), '{}')
  await handOver()
  assert.equal(handed, 1)
})
