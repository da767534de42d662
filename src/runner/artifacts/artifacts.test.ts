import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Secret } from '../../lib/index.ts'
import { createMasker } from '../../mask/index.ts'
import { temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import {
  collectArtifacts,
  coveredFiles,
  fileListOf,
  filesOf,
  takeArtifacts,
  type Artifacts,
} from './index.ts'

const token = 'hunter22-hunter22'

function world(t: TestContext) {
  const seen: string[] = []
  const [workspace, store, fresh] = [temporaryFolder(t), temporaryFolder(t), temporaryFolder(t)]
  const write = (path: string, text: string | Uint8Array = path, mode = 0o644) => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true })
    writeFileSync(join(workspace, path), text)
    chmodSync(join(workspace, path), mode)
  }
  const collect = (
    patterns: string[],
    isCovered = coveredFiles(workspace, []),
    maxFiles = 10_000,
    maxBytes = 2 ** 33,
  ) =>
    collectArtifacts({
      step: 'build',
      workspace: { path: workspace, id: 'w' },
      patterns,
      isCovered,
      store,
      masker: createMasker([new Secret(token, 'NPM_TOKEN')]),
      onSeen: (name) => void seen.push(name),
      maxFiles,
      maxBytes,
    })
  const take = (inputs: Artifacts[], kind: 'fresh' | 'job' = 'fresh') =>
    takeArtifacts({ kind, path: fresh, id: 'f' }, inputs)
  const paths = async (...patterns: string[]) =>
    (await collect(patterns)).artifacts.files.map(({ path }) => path)
  return { workspace, store, fresh, seen, write, collect, take, paths }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

test('files come with their bytes and the right to run them, and as they were when they were taken', async (t) => {
  const { workspace, fresh, write, collect, take } = world(t)
  write('dist/app', '#!/bin/sh\n', 0o755)
  write('dist/a/data', 'one')
  const { artifacts } = await collect(['dist'])
  write('dist/a/data', 'two')
  const taken = await take([artifacts])
  assert.equal(readFileSync(join(fresh, 'dist/a/data'), 'utf8'), 'one')
  assert.equal(lstatSync(join(fresh, 'dist/app')).mode & 0o111, 0o111)
  assert.deepEqual(fileListOf(taken, String).files, [
    { path: 'dist/a/data', sha256: sha256('one'), bytes: 3 },
    { path: 'dist/app', sha256: sha256('#!/bin/sh\n'), bytes: 10 },
  ])
  assert.equal(existsSync(join(workspace, 'dist/app')), true)
})

test('what runs by its name is handed on only by its full path; nothing of a .git ever', async (t) => {
  const { write, collect, paths } = world(t)
  const all = ['dist/app', 'dist/Makefile', 'dist/package.json', 'dist/.npmrc', 'dist/node_modules/.bin/x']
  for (const path of [...all, 'dist/vite.config.mjs', 'repo/HEAD', 'repo/config', '.envrc']) write(path)
  for (const path of ['dist/.git/config', 'dist/.GIT/config', '.git/hooks/x']) write(path)
  assert.deepEqual(await paths('**'), ['dist/app', 'repo/config'])
  assert.deepEqual(await paths('dist/.*'), ['dist/.npmrc'])
  assert.deepEqual(await paths('.envrc', 'dist/Makefile', 'dist/package.json', 'dist/node_modules/.bin/x'), [
    ...['.envrc', 'dist/Makefile', 'dist/node_modules/.bin/x', 'dist/package.json'],
  ])
  // A pipeline file cannot even say so; here it is asked for all the same.
  const { artifacts, missing } = await collect(['dist/.git/config', 'dist/.GIT/config', '.git/hooks/x'])
  assert.deepEqual([artifacts.files, missing.length], [[], 3])
  const { passedOver } = await collect(['dist'])
  assert.ok(
    passedOver.includes('"dist/Makefile" would run where it is taken: name it in full if that is meant'),
  )
})

test('links, pipes, sockets, devices and special modes are no artifacts, whatever stands in for what', async (t) => {
  const { workspace, write, collect } = world(t)
  const outside = temporaryFolder(t)
  writeFileSync(join(outside, 'secret'), 'of the machine')
  write('dist/file')
  write('dist/set', 'x', 0o4755)
  write('dist/group', 'x', 0o2755)
  write('dist/sticky', 'x', 0o1755)
  symlinkSync(join(outside, 'secret'), join(workspace, 'dist/link'))
  symlinkSync(outside, join(workspace, 'dist/folder'))
  symlinkSync(outside, join(workspace, 'top'))
  execFileSync('mkfifo', [join(workspace, 'dist/pipe')])
  execFileSync('/usr/bin/perl', [
    '-MSocket',
    '-e',
    'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un($ARGV[0]))',
    join(workspace, 'dist/socket'),
  ])
  const { artifacts, missing } = await collect([
    'dist',
    'top/secret',
    'top',
    'dist/folder/secret',
    'dist/pipe',
  ])
  assert.deepEqual(
    artifacts.files.map(({ path }) => path),
    ['dist/file'],
  )
  assert.equal(missing.length, 4)
})

test('too many, too deep, too large: all of it is refused, or the one file', async (t) => {
  const { workspace, write, collect } = world(t)
  write('big')
  truncateSync(join(workspace, 'big'), 2 ** 40)
  assert.match((await collect(['big', 'b*'])).passedOver.join(), /"big" is too large/)
  const deep = Array.from({ length: 40 }, () => 'd').join('/')
  write(`${deep}/file`)
  await assert.rejects(collect(['d']), /folders more than 32 deep/)
  assert.deepEqual((await collect([`${deep}/file`])).artifacts.files.length, 1)
  mkdirSync(join(workspace, 'many'))
  for (let i = 0; i < 41; i++) writeFileSync(join(workspace, `many/${i}`), '')
  await assert.rejects(collect(['many'], undefined, 40), /more than 40 files/)
})

test('a file whose content was kept back from the step is kept back here, too, under any name', async (t) => {
  const { workspace, write, collect } = world(t)
  write('sub/secrets')
  write('sub/file')
  const isCovered = coveredFiles(workspace, [{ path: 'sub/secrets', text: '' }])
  execFileSync('mv', ['sub', 'moved'], { cwd: workspace })
  execFileSync('ln', ['moved/secrets', 'second-name'], { cwd: workspace })
  const { artifacts } = await collect(['**'], isCovered)
  assert.deepEqual(
    artifacts.files.map(({ path }) => path),
    ['moved/file'],
  )
})

test('a secret is masked in text, told by file and count, and the digest is that of what is handed on', async (t) => {
  const { fresh, seen, write, collect, take } = world(t)
  const form = Buffer.from(`x${token}`).toString('hex')
  write('out/report.txt', `ok\n${token}\n${form}\n`)
  write('out/clean.txt', 'hunter22-hunter2\n')
  // Longer than one piece, with the secret over the edge between two.
  const [before, after] = ['ü'.repeat(524_284), ' '.repeat(2 ** 20)]
  write('out/long.txt', `${before}${token}${after}`)
  const { artifacts, passedOver, missing, masked } = await collect(['out'])
  assert.deepEqual(masked, [
    '"out/long.txt" held NPM_TOKEN (once)',
    '"out/report.txt" held NPM_TOKEN (2 times)',
  ])
  assert.deepEqual([passedOver, missing, seen.length], [[], [], 3])
  await take([artifacts])
  const masks = { 'out/report.txt': 'ok\n***\n78***\n', 'out/clean.txt': 'hunter22-hunter2\n' }
  for (const [path, text] of Object.entries({ ...masks, 'out/long.txt': `${before}***${after}` })) {
    assert.equal(readFileSync(join(fresh, path), 'utf8'), text)
    const file = artifacts.files.find((each) => each.path === path)
    assert.deepEqual([file?.sha256, file?.bytes], [sha256(text), Buffer.byteLength(text)])
  }
})

test('what would break by masking is not changed: with a secret in it, it is kept back, and the step has failed', async (t) => {
  const { store, seen, write, collect } = world(t)
  write('out/nul', `\0${token}`)
  write('out/latin', Buffer.concat([Buffer.from([0xe4]), Buffer.from(token)]))
  write('out/cut', Buffer.concat([Buffer.from(token), Buffer.from([0xc3])]))
  write('out/script', `#!/bin/sh\necho ${token}\n`, 0o755)
  write('package-lock.json', token)
  write(`names/${token}`, '')
  for (let i = 0; i < 30; i++) write(`out/Makefile${i}.mk`)
  write('out/fine', '\0')
  const { artifacts, passedOver, missing, masked } = await collect(['out', 'package-lock.json', 'names'])
  assert.deepEqual(
    artifacts.files.map(({ path }) => path),
    ['out/fine'],
  )
  assert.deepEqual(missing, [
    '"out" gives not all files',
    '"package-lock.json" gives no file',
    '"names" gives no file',
  ])
  const held = (path: string, why: string) =>
    `"${path}" holds NPM_TOKEN (once), which is not masked in it since ${why}: write it without the secret`
  for (const line of [
    ...['nul', 'latin', 'cut'].map((name) => held(`out/${name}`, 'it is no UTF-8 text')),
    ...['out/script', 'package-lock.json'].map((path) => held(path, 'programs run it or go by it')),
    `"names/${token}" has NPM_TOKEN (once) in its name: give it another`,
  ])
    assert.ok(passedOver.includes(line), line)
  assert.deepEqual([masked, seen.length], [[], 6])
  // Nothing of them stays where artifacts are kept.
  const [folder = ''] = readdirSync(store)
  assert.deepEqual(readdirSync(join(store, folder)), [sha256('\0')])
})

test('of what is kept back for a secret no more is read or told than of what is handed on', async (t) => {
  const { write, collect } = world(t)
  for (let i = 0; i < 50; i++) write(`out/${i}`, `\0${token}`)
  const { passedOver, missing } = await collect(['out'], undefined, 100, 10 * (token.length + 1))
  assert.deepEqual([passedOver.length, missing], [20, ['"out" gives no file']])
  assert.equal(passedOver.filter((line) => line.includes('holds NPM_TOKEN')).length, 10)
})

test('what is put into a workspace follows no link there, replaces no file of the checkout, and is what it was', async (t) => {
  const { fresh, store, write, collect, take } = world(t)
  const outside = temporaryFolder(t)
  write('a/file')
  write('b')
  const { artifacts } = await collect(['a/*', 'b*'])
  symlinkSync(outside, join(fresh, 'a'))
  await assert.rejects(take([artifacts]), {
    code: 'conflict',
    message: /"a\/file" of step "build" cannot be put/,
  })
  assert.deepEqual(readdirSync(outside), [])
  execFileSync('rm', [join(fresh, 'a')])
  writeFileSync(join(fresh, 'b'), 'of the checkout')
  await assert.rejects(take([artifacts]), { code: 'conflict', message: /"b" .* is in the checkout, too/ })
  assert.equal(readFileSync(join(fresh, 'b'), 'utf8'), 'of the checkout')
  const named = (await collect(['b'])).artifacts
  symlinkSync(join(outside, 'x'), join(fresh, 'link'))
  await take([named])
  assert.equal(readFileSync(join(fresh, 'b'), 'utf8'), 'b')
  // A step without a sandbox could reach where they are kept.
  writeFileSync(join(named.folder ?? '', sha256('b')), 'B')
  execFileSync('rm', [join(fresh, 'b')])
  await assert.rejects(take([named]), { code: 'conflict', message: /was changed where it was kept/ })
  assert.deepEqual(readdirSync(fresh).toSorted(), ['a', 'link'])
  assert.ok(readdirSync(store).length > 0)
})

test('of two steps’ files with one path the later one counts; where they come from they are already', async (t) => {
  const { fresh, write, collect, take } = world(t)
  write('file', 'first')
  const first = (await collect(['*'])).artifacts
  write('file', 'second')
  const second = (await collect(['*'])).artifacts
  assert.deepEqual(
    (await take([first, second])).map(({ sha256: digest }) => digest),
    [sha256('second')],
  )
  assert.equal(readFileSync(join(fresh, 'file'), 'utf8'), 'second')
  writeFileSync(join(fresh, 'file'), 'its own')
  await take([{ ...first, workspace: 'f' }], 'job')
  assert.equal(readFileSync(join(fresh, 'file'), 'utf8'), 'its own')
  await take([first], 'job')
  assert.equal(readFileSync(join(fresh, 'file'), 'utf8'), 'first')
})

test('the record names as many files as it has room for, and holds all of them to their digest', () => {
  const long = Array.from({ length: 400 }, (_, i) => ({
    ...{ path: `${'ü\n'.repeat(300)}${i}`, sha256: sha256(String(i)), bytes: i },
    ...{ executable: false, named: false },
  }))
  const list = fileListOf(long, String)
  assert.ok(Buffer.byteLength(JSON.stringify(list.files)) <= 12_290, String(list.files.length))
  assert.deepEqual([list.files.length > 3, list.count, list.bytes], [true, 400, (399 * 400) / 2])
  // As sha256sum(1) spells a name with line ends.
  const lines = long.map((file) => `\\${file.sha256}  ${file.path.replaceAll('\n', '\\n')}\n`)
  const sorted = long.map(({ path }, i) => [path, lines[i]] as const).toSorted(([a], [b]) => (a < b ? -1 : 1))
  assert.equal(list.sha256, sha256(sorted.map(([, line]) => line).join('')))
  const short = long.slice(0, 300).map((file, i) => ({ ...file, path: `secret-${i}` }))
  const masked = fileListOf(short, (text) => text.replace('secret', '***'))
  assert.equal(masked.files.length, 100)
  assert.equal(masked.files[0]?.path, '***-0')
})

test('the digest at the end is that of the list that the server was told: of masked names, each of which stands once', () => {
  const paths = ['a-hunter22', 'a-hunter33', 'z', '***~2', 'a-***']
  const files = paths.map((path) => ({
    ...{ path, sha256: sha256(path), bytes: 1 },
    ...{ executable: false, named: false },
  }))
  const mask = (text: string) => text.replaceAll(/hunter\d\d/g, '***')
  const told = filesOf(files, mask)
  assert.deepEqual(
    told.map(({ path }) => path),
    ['***~2', 'a-***', 'a-***~2', 'a-***~3', 'z'],
  )
  assert.deepEqual(told.map((file) => file.sha256).toSorted(), paths.map(sha256).toSorted())
  const lines = told.map((file) => `${file.sha256}  ${file.path}\n`)
  assert.equal(fileListOf(files, mask).sha256, sha256(lines.join('')))
})

test('the digest of the list is that of what sha256sum prints, whatever the files are called', async (t) => {
  const { write, collect, store } = world(t)
  const names = ['b', 'a\\b', 'a\nb', 'ä', 'Z', '\u{1f600}', '\uffee', 'r\rr']
  for (const name of names) write(`dist/${name}`)
  const { artifacts } = await collect(['dist'])
  const folder = join(store, 'listed')
  for (const { path } of artifacts.files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), path)
  }
  const sorted = artifacts.files
    .map(({ path }) => path)
    .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const printed = execFileSync('sha256sum', sorted, { cwd: folder })
  assert.equal(artifacts.files.length, names.length)
  assert.equal(fileListOf(artifacts.files, String).sha256, createHash('sha256').update(printed).digest('hex'))
})

test('a file in a folder that is left out for the dot in front of its name is told; those at the top of a repository are not', async (t) => {
  const { write, collect } = world(t)
  for (const path of ['site/index.html', 'site/.nojekyll', '.gitignore', 'a.txt']) write(path)
  for (const pattern of ['site', 'site/*', 'site/**']) {
    const { passedOver, missing } = await collect([pattern])
    assert.deepEqual(
      [passedOver, missing],
      [['"site/.nojekyll" has a name with a dot in front: name it in full if it is meant'], []],
    )
  }
  assert.deepEqual(
    (await collect(['*', 'site/.nojekyll'])).passedOver.filter((line) => line.includes('.git')),
    [],
  )
  const { artifacts, passedOver } = await collect(['site/.nojekyll', 'site/*.html'])
  assert.deepEqual([artifacts.files.length, passedOver], [2, []])
})
