import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { limits } from '../lib/index.ts'
import { readWorkspaceLockfile } from './lockfile.ts'
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
