import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { createBatchReader, folderSource, streamSource } from './index.ts'
import { gitEnvironment, readAll, runGit, temporaryFolder } from './sources.fixture.ts'

test('of the repositories and work trees within a repository it gives what may hold a credential', async (t) => {
  const folder = temporaryFolder(t)
  const at = (...names: string[]) => join(folder, ...names)
  const inner = temporaryFolder(t)
  for (const one of [inner, folder]) runGit(one, 'init', '-q', '-b', 'main')
  runGit(inner, 'commit', '-q', '--allow-empty', '-m', 'one')
  runGit(folder, 'submodule', '--quiet', 'add', '--name', 'vendor/lib', inner, 'lib')
  runGit(at('lib'), 'submodule', '--quiet', 'add', '--name', 'deep', inner, 'deep')
  runGit(folder, 'commit', '-q', '-m', 'one')
  runGit(folder, 'config', 'extensions.worktreeConfig', 'true')
  runGit(folder, 'worktree', 'add', '-q', join(inner, 'tree'))
  const own = [
    'modules/vendor/lib/config',
    'modules/vendor/lib/modules/deep/config',
    'worktrees/tree/config.worktree',
  ]
  for (const name of own) appendFileSync(at('.git', name), '# own\n')
  const fetched = 'modules/vendor/lib/FETCH_HEAD'
  writeFileSync(at('.git', fetched), 'fetched')
  const { texts, unseen } = await readAll((say) => folderSource(folder, { unseen: say }))
  assert.deepEqual(unseen, [])
  assert.deepEqual(
    Object.keys(texts)
      .filter((name) => name.startsWith('.git/') && !name.includes('/logs/'))
      .toSorted(),
    ['config', fetched, ...own].map((name) => `.git/${name}`).toSorted(),
  )
  for (const name of own) assert.match(texts[`.git/${name}`] ?? '', /# own/)
})

test('a folder gives each file once, by its path below it, and of .git what may hold a credential', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'a/b'), { recursive: true })
  mkdirSync(join(folder, 'sub/.git/objects'), { recursive: true })
  writeFileSync(join(folder, 'a/b/c.txt'), 'c')
  writeFileSync(join(folder, 'd'), 'd')
  writeFileSync(join(folder, 'sub/.git/config'), 'token')
  writeFileSync(join(folder, 'sub/.git/objects/x'), 'x')
  const { texts, unseen } = await readAll((say) => folderSource(folder, { unseen: say }))
  assert.deepEqual(texts, { 'a/b/c.txt': 'c', d: 'd', 'sub/.git/config': 'token' })
  assert.deepEqual(unseen, [])
})

test('what is excluded is left out, a folder with all that is in it', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'node_modules/x'), { recursive: true })
  writeFileSync(join(folder, 'node_modules/x/y'), 'y')
  writeFileSync(join(folder, 'a.min.js'), 'a')
  writeFileSync(join(folder, 'b'), 'b')
  const asked: string[] = []
  const { texts } = await readAll((unseen) =>
    folderSource(folder, {
      unseen,
      isExcluded: (path, isFolder) => {
        asked.push(`${path} ${isFolder}`)
        return path === 'node_modules' || path.endsWith('.min.js')
      },
    }),
  )
  assert.deepEqual(Object.keys(texts), ['b'])
  assert.deepEqual(asked.toSorted(), ['a.min.js false', 'b false', 'node_modules true'])
})

test('links are not followed, and pipes and sockets are never opened', async (t) => {
  const folder = temporaryFolder(t)
  const outside = temporaryFolder(t)
  writeFileSync(join(outside, 'secret'), 'outside')
  symlinkSync(outside, join(folder, 'link'))
  symlinkSync(join(outside, 'secret'), join(folder, 'file-link'))
  symlinkSync(folder, join(folder, 'loop'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const server = createServer().listen(join(folder, 'socket'))
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  writeFileSync(join(folder, 'plain'), 'plain')
  const { texts, unseen } = await readAll((say) => folderSource(folder, { unseen: say }))
  // What a link says is there to be read, what it leads to is not.
  assert.deepEqual(texts, {
    ...{ plain: 'plain', link: outside, 'file-link': join(outside, 'secret'), loop: folder },
  })
  assert.deepEqual(unseen, [])
})

const notUtf8 = (text: string) => Buffer.from(text, 'latin1')

test('names that are no UTF-8 are read, in folders of such names too', async (t) => {
  const folder = temporaryFolder(t)
  const at = (name: string) => Buffer.concat([Buffer.from(`${folder}/`), notUtf8(name)])
  mkdirSync(at('d\xe9/inner'), { recursive: true })
  mkdirSync(at('d\xe9/.git'))
  for (const name of ['caf\xe9', 'd\xe9/plain', 'd\xe9/inner/\xff', 'd\xe9/.git/config'])
    writeFileSync(at(name), name.split('/').at(-1) ?? '')
  symlinkSync(notUtf8('to\xe9'), at('link\xe9'))
  writeFileSync(join(folder, 'ä'), 'umlaut')
  // One that has the character itself.
  writeFileSync(join(folder, 'caf\ufffd'), 'another')
  const { texts, unseen } = await readAll((say) => folderSource(folder, { unseen: say }))
  assert.deepEqual(unseen, [])
  assert.deepEqual(
    { ...texts, 'caf\ufffd': [...(texts['caf\ufffd'] ?? '')].toSorted().join('') },
    {
      ...{ 'd\ufffd/plain': 'plain', 'd\ufffd/inner/\ufffd': '\xff', 'd\ufffd/.git/config': 'config' },
      ...{ 'link\ufffd': 'to\ufffd', ä: 'umlaut', 'caf\ufffd': [...'anothercaf\xe9'].toSorted().join('') },
    },
  )
})

test('a repository that is the folder itself is said: its objects are packed', async (t) => {
  const folder = temporaryFolder(t)
  execFileSync('git', ['init', '-q', '--bare', 'inner.git'], { cwd: folder, env: gitEnvironment })
  writeFileSync(join(folder, 'inner.git/hooks/mine'), 'a hook')
  for (const [root, name] of [
    [folder, 'inner.git/'],
    [join(folder, 'inner.git'), '.'],
  ] as const) {
    const { texts, unseen } = await readAll((say) => folderSource(root, { unseen: say }))
    assert.ok(Object.values(texts).includes('a hook'))
    assert.deepEqual(
      unseen.map((one) => [one.name, one.why.includes('mayfly scan --history')]),
      [[name, true]],
    )
  }
})

test('a file that becomes a pipe, a link, or goes away after it was listed is said', async (t) => {
  const folder = temporaryFolder(t)
  const outside = temporaryFolder(t)
  writeFileSync(join(outside, 'x'), 'outside')
  for (const name of ['gone', 'pipe', 'link', 'plain']) writeFileSync(join(folder, name), name)
  mkdirSync(join(folder, 'way'))
  writeFileSync(join(folder, 'way/x'), 'x')
  const { texts, unseen } = await readAll(async function* (say) {
    for await (const batch of folderSource(folder, { unseen: say })) {
      for (const name of ['gone', 'pipe', 'link', 'way']) rmSync(join(folder, name), { recursive: true })
      execFileSync('mkfifo', [join(folder, 'pipe')])
      symlinkSync(join(outside, 'x'), join(folder, 'link'))
      symlinkSync(outside, join(folder, 'way'))
      yield batch
    }
  })
  assert.deepEqual(texts, { plain: 'plain' })
  assert.deepEqual(unseen.map(({ name, code }) => `${name} ${code}`).toSorted(), [
    'gone vanished',
    'link vanished',
    'pipe unreadable',
    'way/x unreadable',
  ])
})

test('one file is scanned by itself, also where its name is a link; what is not there is said', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'a'), 'text')
  symlinkSync(join(folder, 'a'), join(folder, 'link'))
  const { texts } = await readAll((unseen) => folderSource(join(folder, 'link'), { unseen }))
  assert.deepEqual(texts, { link: 'text' })
  await assert.rejects(
    readAll((unseen) => folderSource(join(folder, 'nothing'), { unseen })),
    { code: 'not_found' },
  )
})

test('a file that is too long for memory is read in pieces, with each byte in one of them', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'large')
  writeFileSync(file, '')
  truncateSync(file, 20_000_000)
  let [bytes, pieces, largest] = [0, 0, 0]
  const read = createBatchReader({
    overlap: 100,
    unseen: (one) => assert.fail(one.why),
    visit: ({ from, to, bytes: { length } }) => {
      bytes += to - from
      pieces++
      largest = Math.max(largest, length)
    },
  })
  for await (const batch of folderSource(file, { unseen: () => {} })) await read(batch)
  assert.equal(bytes, 20_000_000)
  assert.ok(pieces > 3 && largest < 5_000_000, `${pieces} pieces, ${largest}`)
})

test('a stream is read to its end', async (t) => {
  const file = join(temporaryFolder(t), 'input')
  writeFileSync(file, 'from a stream')
  const descriptor = openSync(file, 'r')
  t.after(() => closeSync(descriptor))
  const { texts } = await readAll(() => streamSource(descriptor, '(standard input)'))
  assert.deepEqual(texts, { '(standard input)': 'from a stream' })
})

test('of a repository the reflogs are looked at: what was typed with a token stands there, also of a submodule', async (t) => {
  const root = temporaryFolder(t)
  runGit(root, 'init', '-q', '-b', 'main')
  runGit(root, 'commit', '-q', '--allow-empty', '-m', 'begin')
  runGit(
    root,
    'update-ref',
    '-m',
    'pull https://me:token-of-a-pull@host.example/a',
    'refs/heads/main',
    'HEAD',
  )
  const inner = join(root, '.git/modules/vendor/inner')
  mkdirSync(join(root, '.git/modules/vendor'), { recursive: true })
  runGit(root, 'init', '-q', '--bare', inner)
  mkdirSync(join(inner, 'logs'))
  writeFileSync(join(inner, 'logs/HEAD'), 'token of a submodule')
  const { texts, unseen } = await readAll((say) => folderSource(root, { unseen: say }))
  assert.match(texts['.git/logs/HEAD'] ?? '', /begin/)
  assert.match(Object.values(texts).join(), /token of a submodule/)
  assert.deepEqual(unseen, [])
})
