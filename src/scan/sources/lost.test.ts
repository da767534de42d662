import assert from 'node:assert/strict'
import { chmodSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { commitsSource, historySource, stagedSource, type GitPlace } from './index.ts'
import { gitEnvironment, readAll, runGit, temporaryFolder } from './sources.fixture.ts'

/** Three commits: the second brings `secret`, the third takes it away. */
function repository(t: TestContext): GitPlace {
  const folder = temporaryFolder(t)
  runGit(folder, 'init', '-q', '-b', 'main')
  for (const [name, content] of [
    ['a', 'first'],
    ['secret', 'a token'],
  ] as const) {
    writeFileSync(join(folder, name), content)
    runGit(folder, 'add', '-A')
    runGit(folder, 'commit', '-qm', name)
  }
  runGit(folder, 'rm', '-q', 'secret')
  runGit(folder, 'commit', '-qm', 'removed')
  return { folder, env: gitEnvironment }
}

const idOf = (place: GitPlace, name: string) => runGit(place.folder, 'rev-parse', name)
const told = async (source: Parameters<typeof readAll>[0]) =>
  (await readAll(source)).unseen.map(({ name, code, why }) => `${name} ${code} ${why}`)
const ofHistory = (place: GitPlace) => told((unseen) => historySource(place, unseen))

function forget(place: GitPlace, id: string): void {
  rmSync(join(place.folder, '.git/objects', id.slice(0, 2), id.slice(2)))
}

/** Packs of one kind, all that there is being packed. */
function packed(place: GitPlace, ending: string): string[] {
  runGit(place.folder, 'repack', '-adq')
  const folder = join(place.folder, '.git/objects/pack')
  const files = readdirSync(folder).filter((name) => name.endsWith(ending))
  assert.notDeepEqual(files, [])
  return files.map((name) => join(folder, name))
}

test('a clone whose borrowed objects are not there is not clean', async (t) => {
  const place = repository(t)
  const beside = temporaryFolder(t)
  const reference = join(beside, 'mirror')
  runGit(beside, 'clone', '-q', '--mirror', place.folder, reference)
  runGit(beside, 'clone', '-q', '--reference', reference, `file://${place.folder}`, 'clone')
  const clone = { ...place, folder: join(beside, 'clone') }
  assert.deepEqual(await ofHistory(clone), [])
  renameSync(reference, `${reference}-elsewhere`)
  const [alternate, head, ...others] = await ofHistory(clone)
  assert.match(alternate ?? '', /^objects of Git broken .*alternate object path: .*mirror.*git fsck/)
  assert.match(head ?? '', /^objects of Git broken .*bad object [^;]*: run `git fsck`/)
  assert.deepEqual(others, [])
})

test('an object that is gone is told by every source that leads to it', async (t) => {
  const place = repository(t)
  const id = idOf(place, 'HEAD^:secret')
  forget(place, id)
  assert.match(
    (await ofHistory(place)).join('\n'),
    new RegExp(`^objects of Git broken .*without an object .*${id}.*$`),
  )
  assert.match(
    (await told((unseen) => commitsSource(place, 'HEAD~2', unseen))).join('\n'),
    /^secret unreadable Git does not have .*git fsck.*$/,
  )
  writeFileSync(join(place.folder, 'staged'), 'another token')
  runGit(place.folder, 'add', 'staged')
  forget(place, idOf(place, ':staged'))
  assert.match(
    (await told((unseen) => stagedSource(place, unseen))).join('\n'),
    /^staged unreadable Git does not have/,
  )
  // Of what is in the index the history should have it, too.
  assert.match((await ofHistory(place)).join('\n'), /without 2 objects/)
})

test('a commit that is gone is told, and what is there is looked at', async (t) => {
  const place = repository(t)
  forget(place, idOf(place, 'HEAD^'))
  const { texts, unseen } = await readAll((say) => historySource(place, say))
  assert.ok(Object.values(texts).includes('a token'))
  assert.ok(unseen.some(({ name, code }) => name === 'objects of Git' && code === 'broken'))
})

for (const [what, ending, spoil] of [
  ['without its index', '.idx', (file: string) => rmSync(file)],
  ['of whose index a part is missing', '.idx', (file: string) => truncateSync(file, 500)],
  ['that is gone', '.pack', (file: string) => rmSync(file)],
] as const)
  test(`a pack ${what} is told, also where no branch leads to what it had`, async (t) => {
    const place = repository(t)
    const files = packed(place, ending)
    for (const file of files) chmodSync(file, 0o644)
    files.forEach(spoil)
    assert.match((await ofHistory(place)).join('\n'), /^objects of Git broken /)
    for (const name of ['refs', 'logs']) rmSync(join(place.folder, '.git', name), { recursive: true })
    rmSync(join(place.folder, '.git/packed-refs'), { force: true })
    rmSync(join(place.folder, '.git/index'))
    runGit(place.folder, 'init', '-q')
    assert.match((await ofHistory(place)).join('\n'), /^objects of Git broken .*\.(?:idx|pack)/)
  })

test('a tag that leads nowhere is told, since what it says of a range is not looked at', async (t) => {
  const place = repository(t)
  writeFileSync(join(place.folder, '.git/refs/tags/v1'), 'no object\n')
  assert.match(
    (await told((unseen) => commitsSource(place, 'HEAD^', unseen))).join('\n'),
    /^objects of Git broken .*ignoring broken ref refs\/tags\/v1/,
  )
})
