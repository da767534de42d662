import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { stagedSource, type GitPlace } from './index.ts'
import { gitEnvironment, readAll, runGit, temporaryFolder } from './sources.fixture.ts'

function repository(t: TestContext, ...args: string[]): GitPlace {
  const folder = temporaryFolder(t)
  runGit(folder, 'init', '-q', ...args)
  return { folder, env: gitEnvironment }
}

const put = (place: GitPlace, name: string, content: string | Buffer) =>
  writeFileSync(join(place.folder, name), content)

test('what is staged is read as it is in the index, not in the work tree', async (t) => {
  const place = repository(t)
  put(place, 'old', 'old')
  put(place, 'gone', 'gone')
  runGit(place.folder, 'add', '.')
  runGit(place.folder, 'commit', '-qm', 'one')
  put(place, 'new', 'staged\n')
  put(place, 'old', 'changed')
  put(place, 'strange\nname é', 'strange')
  symlinkSync('where/it/leads', join(place.folder, 'link'))
  runGit(place.folder, 'rm', '-q', 'gone')
  runGit(place.folder, 'add', '.')
  put(place, 'new', 'work tree')
  put(place, 'beside', 'not added')
  const { texts, unseen, parts } = await readAll((say) => stagedSource(place, say))
  assert.deepEqual(texts, {
    new: 'staged\n',
    old: 'changed',
    link: 'where/it/leads',
    'strange\nname é': 'strange',
  })
  assert.deepEqual(unseen, [])
  assert.equal(parts.find(({ name }) => name === 'new')?.blob, runGit(place.folder, 'rev-parse', ':new'))
})

for (const format of ['sha1', 'sha256'])
  test(`before the first commit all is staged, in a repository of ${format}`, async (t) => {
    const place = repository(t, `--object-format=${format}`)
    put(place, 'a', 'first')
    put(place, 'empty', '')
    runGit(place.folder, 'add', '.')
    const { texts } = await readAll((unseen) => stagedSource(place, unseen))
    assert.deepEqual(texts, { a: 'first', empty: '' })
  })

test('nothing staged is nothing to scan', async (t) => {
  const place = repository(t)
  assert.deepEqual((await readAll((unseen) => stagedSource(place, unseen))).parts, [])
})

test('of hundreds of files and a long one each comes whole', async (t) => {
  const place = repository(t)
  for (let i = 0; i < 300; i++) put(place, `f${i}`, `${i} `.repeat(2_000))
  put(place, 'long', Buffer.alloc(5_000_000, 'long '))
  runGit(place.folder, 'add', '.')
  const { texts, parts } = await readAll((unseen) => stagedSource(place, unseen))
  assert.equal(parts.length, 301)
  for (let i = 0; i < 300; i++) assert.equal(texts[`f${i}`], `${i} `.repeat(2_000))
  assert.equal(texts['long'], 'long '.repeat(1_000_000))
})

test('a path that both sides of a merge changed is said, and the commit of a submodule is no file', async (t) => {
  const place = repository(t)
  put(place, 'a', 'base')
  runGit(place.folder, 'add', '.')
  runGit(place.folder, 'commit', '-qm', 'base')
  const base = runGit(place.folder, 'rev-parse', 'HEAD')
  runGit(place.folder, 'checkout', '-qb', 'side')
  put(place, 'a', 'side')
  runGit(place.folder, 'commit', '-qam', 'side')
  runGit(place.folder, 'checkout', '-q', base)
  put(place, 'a', 'other')
  runGit(place.folder, 'commit', '-qam', 'other')
  assert.throws(() => runGit(place.folder, 'merge', 'side'))
  runGit(place.folder, 'update-index', '--add', '--cacheinfo', `160000,${base},module`)
  const { texts, unseen } = await readAll((say) => stagedSource(place, say))
  assert.deepEqual(texts, {})
  assert.deepEqual(
    unseen.map(({ name, code }) => `${name} ${code}`),
    ['a unreadable'],
  )
})

test('a hook says by its variables which index is committed; who is in none is not led elsewhere by them', async (t) => {
  const place = repository(t)
  put(place, 'a', 'usual')
  runGit(place.folder, 'add', '.')
  const other = join(place.folder, '.git/other-index')
  put(place, 'b', 'of the other index')
  const env = { ...gitEnvironment, GIT_INDEX_FILE: other }
  execFileSync('git', ['add', 'b'], { cwd: place.folder, env })
  const inHook = await readAll((say) => stagedSource({ folder: place.folder, env, isInHook: true }, say))
  assert.deepEqual(inHook.texts, { b: 'of the other index' })
  assert.deepEqual((await readAll((say) => stagedSource({ folder: place.folder, env }, say))).texts, {
    a: 'usual',
  })
})

test('nothing is run that the repository names', async (t) => {
  const place = repository(t)
  const ran = join(place.folder, 'ran')
  const program = join(place.folder, 'program')
  writeFileSync(program, `#!/bin/sh\necho "$0 $*" >> ${ran}\n`)
  chmodSync(program, 0o755)
  mkdirSync(join(place.folder, 'hooks'))
  for (const hook of ['post-index-change', 'fsmonitor-watchman', 'reference-transaction'])
    symlinkSync(program, join(place.folder, 'hooks', hook))
  for (const [key, value] of [
    ['core.hooksPath', 'hooks'],
    ['core.fsmonitor', program],
    ['core.pager', program],
    ['core.sshCommand', program],
    ['core.alternateRefsCommand', program],
    ['diff.external', program],
    ['diff.all.textconv', program],
    ['diff.all.command', program],
    ['filter.all.clean', program],
    ['filter.all.smudge', program],
    ['gpg.program', program],
    ['log.showSignature', 'true'],
    ['alias.cat-file', `!${program}`],
    ['alias.diff', `!${program}`],
  ])
    runGit(place.folder, 'config', key ?? '', value ?? '')
  put(place, '.gitattributes', '* diff=all filter=all\n')
  const id = runGit(
    place.folder,
    '-c',
    'core.fsmonitor=false',
    'hash-object',
    '-w',
    '--no-filters',
    'program',
  )
  runGit(
    place.folder,
    '-c',
    'core.fsmonitor=false',
    '-c',
    'core.hooksPath=/dev/null',
    'update-index',
    '--add',
    '--cacheinfo',
    `100644,${id},a`,
  )
  const { texts } = await readAll((unseen) => stagedSource(place, unseen))
  assert.match(texts['a'] ?? '', /^#!/)
  assert.ok(!existsSync(ran))
})

test('a folder that is no repository is said in words', async (t) => {
  const place = { folder: temporaryFolder(t), env: gitEnvironment }
  await assert.rejects(
    readAll((unseen) => stagedSource(place, unseen)),
    { code: 'bad_input', message: /is not in a Git repository/ },
  )
  await assert.rejects(
    readAll((unseen) => stagedSource({ ...place, folder: join(place.folder, 'none') }, unseen)),
    { code: 'bad_input' },
  )
})
