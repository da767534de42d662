import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Secret } from '../../lib/index.ts'
import { createMasker } from '../../mask/index.ts'
import { isWhole } from '../../../test/whole.ts'
import { temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { hashInPlace } from './hash.ts'
import { collectArtifacts } from './index.ts'

const token = 'hunter22-hunter22'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

function world(t: TestContext) {
  const workspace = temporaryFolder(t)
  const seen: string[] = []
  const write = (path: string, text: string | Uint8Array = path) => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true })
    writeFileSync(join(workspace, path), text)
  }
  const collect = (...patterns: string[]) =>
    collectArtifacts({
      ...{ step: 'run', workspace: { path: workspace, id: 'w' }, patterns, store: undefined },
      isCovered: () => false,
      masker: createMasker([new Secret(token, 'NPM_TOKEN')]),
      onSeen: (name) => void seen.push(name),
    })
  const hash = async (name: string, look: () => void = () => undefined) => {
    const folder = openSync(workspace, 'r')
    try {
      return await hashInPlace({ folder, name, refused: () => undefined }, 2 ** 30, look)
    } finally {
      closeSync(folder)
    }
  }
  return { workspace, write, collect, hash, seen }
}

test('files of a single command stay where they are: their digests are taken, and nothing is copied', async (t) => {
  const { workspace, write, collect } = world(t)
  // Nothing runs them here, whatever they are called.
  for (const path of ['dist/app.tgz', 'dist/package.json', 'dist/.git/config']) write(path)
  symlinkSync('/etc/hostname', join(workspace, 'dist/link'))
  execFileSync('mkfifo', [join(workspace, 'dist/pipe')])
  const { artifacts, missing, passedOver } = await collect('dist', 'nothing/*.tgz')
  assert.deepEqual(
    artifacts.files.map(({ path, sha256: digest, bytes }) => [path, digest, bytes]),
    ['dist/app.tgz', 'dist/package.json'].map((path) => [path, sha256(path), path.length]),
  )
  assert.equal(artifacts.folder, undefined)
  assert.deepEqual(missing, ['"nothing/*.tgz" is not there'])
  assert.equal(passedOver.length, 2)
})

test('with a secret in it, or in its name, a file is not attested, and the step has failed', async (t) => {
  const { write, collect, seen } = world(t)
  write('out/text', `a ${token} b`)
  write('out/fine')
  write(`names/${token}`, '')
  const { artifacts, missing, passedOver, masked } = await collect('out', 'names')
  assert.deepEqual(
    artifacts.files.map(({ path }) => path),
    ['out/fine'],
  )
  assert.deepEqual(missing, ['"out" gives not all files', '"names" gives no file'])
  assert.match(passedOver.join('\n'), /"out\/text" holds NPM_TOKEN \(once\), and stays as it is/)
  assert.deepEqual([masked, seen], [[], ['NPM_TOKEN', 'NPM_TOKEN']])
})

test('a file that is changed while it is hashed has no digest: in place, back to its time, by another file, or longer', async (t) => {
  const { workspace, write, hash } = world(t)
  const path = join(workspace, 'file')
  const changes: readonly (() => void)[] = [
    () => appendFileSync(path, 'x'),
    () => truncateSync(path, 1_500_000),
    () => {
      const { atime, mtime } = statSync(path)
      writeFileSync(path, 'b'.repeat(3_000_000), { flag: 'r+' })
      utimesSync(path, atime, mtime)
    },
    () => {
      write('other', 'a'.repeat(3_000_000))
      renameSync(join(workspace, 'other'), path)
    },
  ]
  for (const change of changes) {
    write('file', 'a'.repeat(3_000_000))
    let looks = 0
    await assert.rejects(
      hash('file', () => void (++looks === 2 && change())),
      /was changed while it was hashed/,
      String(change),
    )
  }
  assert.equal((await hash('file')).sha256, sha256('a'.repeat(3_000_000)))
})

test('a process outside that never stops writing does not keep the step from ending', async (t) => {
  const { workspace, write, collect } = world(t)
  write('growing', 'x'.repeat(4_000_000))
  const script = 'while :; do head -c 1000000 /dev/zero; done >> "$0"'
  const writer = spawn('sh', ['-c', script, join(workspace, 'growing')], { stdio: 'ignore', detached: true })
  t.after(() => process.kill(-(writer.pid ?? 0), 'SIGKILL'))
  while (statSync(join(workspace, 'growing')).size < 6_000_000)
    await new Promise((next) => setTimeout(next, 5))
  const { artifacts, missing } = await collect('growing')
  assert.deepEqual([artifacts.files, missing], [[], ['"growing" gives no file']])
})

test('ten thousand files, and names of any kind, come through', async (t) => {
  const { workspace, write, collect } = world(t)
  const names = ['new\nline', '\u202egnp.exe', '\x1b]0;title\x07', 'App', 'app', 'ﬀ', '\u009b31m']
  for (const name of names) write(`odd/${name}`)
  assert.deepEqual(
    (await collect('odd')).artifacts.files.map(({ path }) => path).toSorted(),
    names.map((name) => `odd/${name}`).toSorted(),
  )
  // Links of one file: ten thousand written ones would take longer than all else here.
  const link = (i: number) => linkSync(join(workspace, 'odd/app'), join(workspace, `many/${i}`))
  mkdirSync(join(workspace, 'many'))
  for (let i = 0; i < 10_000; i++) link(i)
  assert.equal((await collect('many')).artifacts.files.length, 10_000)
})

test(
  'five gibibytes are read in pieces, also for a secret at their end',
  { skip: isWhole ? false : 'npm run test:whole' },
  async (t) => {
    const { workspace, collect, seen } = world(t)
    const path = join(workspace, 'large')
    writeFileSync(path, '')
    truncateSync(path, 5 * 2 ** 30)
    const before = process.memoryUsage().rss
    const { artifacts } = await collect('large')
    const [digest] = execFileSync('sha256sum', [path], { encoding: 'utf8' }).split(' ')
    assert.deepEqual(
      artifacts.files.map(({ sha256: found, bytes }) => [found, bytes]),
      [[digest, 5 * 2 ** 30]],
    )
    assert.ok(process.memoryUsage().rss - before < 300_000_000, 'it was kept in memory')
    appendFileSync(path, token)
    assert.deepEqual((await collect('large')).artifacts.files, [])
    assert.deepEqual(seen, ['NPM_TOKEN'])
  },
)
