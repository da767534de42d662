import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import { test, type TestContext } from 'node:test'
import { until } from '../gateway.fixture.ts'
import { createKeptFiles, type KeptFiles } from './kept-files.ts'
import { downloadedBy, integrityOf, registryWorld, tarballOf } from './registry.fixture.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-kept-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'cache')
}

/** Whole files in it. */
const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((name) => /[0-9a-f]{64}$/.test(name))
        .map((name) => join(folder, name))
    : []

const megabytes = 2 ** 20

async function cachedWorld(t: TestContext, rules: Record<string, unknown> = {}) {
  const folder = folderOf(t)
  const opened = await registryWorld(
    t,
    rules,
    undefined,
    createKeptFiles(folder, () => megabytes),
  )
  return { ...opened, opened, folder }
}

test('what one step had the next one gets without the registry: granted, checked and recorded all the same', async (t) => {
  const { world, step, asked, folder, files } = await cachedWorld(t)
  assert.equal((await (await step()).get('a')).status, 200)
  await until(() => filesIn(folder).length === 1)
  const next = await step()
  const again = await next.get('a')
  assert.deepEqual([again.status, again.body], [200, String(files.get('a'))])
  assert.deepEqual(asked(), [tarballOf('a')])
  assert.equal(world.audit.ofType('access.granted').length, 2)
  // The client may have its last bytes before the gateway has noted that they went.
  await until(() => {
    void world.gateway.recordDownloads(next.step)
    return downloadedBy(world, next.step).length > 0
  })
  const [item] = downloadedBy(world, next.step)
  assert.deepEqual([item?.['purl'], item?.['cached'], item?.['by']], ['pkg:npm/a@1.0.0', true, 'lockfile'])
})

test('by its digest nobody gets the file of another package: a lockfile is anybody’s to write', async (t) => {
  const { step, asked, folder, files } = await cachedWorld(t)
  await (await step()).get('@octo/d')
  await until(() => filesIn(folder).length === 1)
  const thief = await step(['a'], integrityOf(files.get('@octo/d') ?? ''))
  const answer = await thief.get('a')
  assert.doesNotMatch(answer.body, /octo/)
  assert.deepEqual(asked(), [tarballOf('@octo/d'), tarballOf('a')])
})

test('a file that has changed on the disk reaches nobody, and is fetched again', async (t) => {
  const { step, asked, folder, files } = await cachedWorld(t)
  await (await step()).get('a')
  await until(() => filesIn(folder).length === 1)
  const [file = ''] = filesIn(folder)
  writeFileSync(file, readFileSync(file).fill('x'))
  assert.doesNotMatch((await (await step()).get('a')).body, /x/)
  await until(() => filesIn(folder).length === 0)
  assert.equal((await (await step()).get('a')).body, String(files.get('a')))
  assert.equal(asked().length, 2)
})

test('the rules of a connection hold for what is kept, too', async (t) => {
  const { opened, step, folder } = await cachedWorld(t, { minimum_age: '3d' })
  const published = new Date(Date.now() - 4 * 86_400_000)
  opened.headers = { 'last-modified': published.toUTCString() }
  await (await step()).get('a')
  await until(() => filesIn(folder).length === 1)
  assert.equal(
    Math.floor(statSync(filesIn(folder)[0] ?? '').mtimeMs / 1_000),
    Math.floor(published.getTime() / 1_000),
  )
  assert.equal((await (await step()).get('a')).status, 200)
  assert.equal(opened.asked().length, 1)
})

test('what is blocked since nobody gets from what is kept', async (t) => {
  const { opened, step, folder } = await cachedWorld(t)
  await (await step()).get('a')
  await until(() => filesIn(folder).length === 1)
  opened.setRules({ blocked: ['pkg:npm/a'] })
  const refused = await (await step()).get('a')
  assert.equal(refused.status, 403)
  assert.match(refused.body, /blocks pkg:npm\/a/)
  assert.equal(opened.asked().length, 1)
})

test('what differs from its digest is not kept', async (t) => {
  const { step, files, folder } = await cachedWorld(t)
  const early = await step()
  files.set('a', Buffer.from('not what was pinned'))
  await early.get('a')
  await (await step(['b'])).get('b')
  await until(() => filesIn(folder).length === 1)
  assert.deepEqual(
    filesIn(folder).map((file) => readFileSync(file, 'utf8')),
    ['the tarball of b'],
  )
})

const key = (name: string) => ({ registry: 'npm.test:443', name, integrity: 'sha512-x' })

async function put(kept: KeptFiles, name: string, content: string): Promise<boolean> {
  const keeping = await kept.keep(key(name), content.length)
  if (keeping === undefined) return false
  keeping.tee.end(content)
  keeping.tee.resume()
  await finished(keeping.tee)
  await keeping.done(undefined)
  return true
}

async function contentOf(kept: KeptFiles, name: string): Promise<string | undefined> {
  const file = await kept.open(key(name))
  return file === undefined ? undefined : text(file.read())
}

test('beyond its size the file that nobody had for longest goes, after a restart, too', async (t) => {
  const folder = folderOf(t)
  let maxBytes = 40
  const kept = createKeptFiles(folder, () => maxBytes)
  for (const name of ['a', 'b', 'c', 'd']) assert.ok(await put(kept, name, `${name}123456789`))
  assert.equal(await contentOf(kept, 'a'), 'a123456789')
  assert.ok(await put(kept, 'e', 'e123456789'))
  assert.equal(await contentOf(kept, 'b'), undefined)
  assert.equal(await contentOf(kept, 'a'), 'a123456789')
  assert.equal(filesIn(folder).length, 4)
  writeFileSync(join(folder, 'left.partial'), 'half')
  const restarted = createKeptFiles(folder, () => maxBytes)
  assert.equal(await contentOf(restarted, 'a'), 'a123456789')
  assert.ok(!existsSync(join(folder, 'left.partial')))
  assert.equal(await put(restarted, 'large', 'x'.repeat(11)), false)
  maxBytes = 0
  assert.equal(await contentOf(restarted, 'a'), undefined)
  assert.deepEqual(filesIn(folder), [])
})

test('a folder that cannot be written keeps nothing back', async (t) => {
  const folder = folderOf(t)
  writeFileSync(folder, 'a file is in its way')
  const opened = await registryWorld(
    t,
    {},
    undefined,
    createKeptFiles(folder, () => megabytes),
  )
  assert.equal((await (await opened.step()).get('a')).status, 200)
})
