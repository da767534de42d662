import assert from 'node:assert/strict'
import { appendFile, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore, readLinks } from '../src/store.js'
import { START, temporaryFolder } from './helpers.js'

const link = (slug, url = 'https://example.com/') => ({ slug, url, createdBy: 'alice', now: START })
const journalOf = (folder) => join(folder, 'links.jsonl')

async function open(t, folder, options) {
  const store = await openStore(folder, options)
  t.after(() => store.close())
  return store
}

test('links survive a restart, with their order, changes and hits', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await open(t, folder)
  for (const slug of ['one', 'two', 'three']) await first.create(link(slug))
  await first.update('one', { url: 'https://example.com/1' }, new Date('2026-03-02T00:00:00Z'))
  await first.delete('two')
  first.hit('one')
  first.hit('one')
  first.hit('gone')
  const before = first.list({ limit: 10 })
  await first.close()

  const second = await open(t, folder)
  assert.deepEqual(second.list({ limit: 10 }), before)
  assert.deepEqual(second.get('one'), {
    seq: 1,
    slug: 'one',
    url: 'https://example.com/1',
    createdAt: '2026-03-01T12:00:00.000Z',
    createdBy: 'alice',
    updatedAt: '2026-03-02T00:00:00.000Z',
    expiresAt: null,
    hits: 2,
  })
  assert.equal(second.get('two'), undefined)
  assert.deepEqual(second.list({ after: 1, limit: 10 }), [second.get('three')])
})

test('of many creations of one slug at once, one wins', async (t) => {
  const store = await open(t, await temporaryFolder(t))
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => store.create(link('same', `https://${i}.example/`))),
  )
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const { reason } of results.filter(({ status }) => status === 'rejected'))
    assert.equal(reason.code, 'exists')
})

test('operations of one batch see each other', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await open(t, folder)
  const results = await Promise.all([
    store.create(link('ab')),
    store.update('ab', { url: 'https://example.com/2' }, START),
    store.delete('ab'),
    store.create(link('ab', 'https://example.com/3')),
  ])
  assert.deepEqual(
    results.map((result) => result?.url),
    ['https://example.com/', 'https://example.com/2', undefined, 'https://example.com/3'],
  )
  assert.deepEqual(
    (await readLinks(folder)).map(({ seq, url }) => [seq, url]),
    [[2, 'https://example.com/3']],
  )
})

test('hits are counted once, also when flushed together with changes', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await open(t, folder)
  await store.create(link('ab'))
  store.hit('ab')
  const flushes = [store.flushHits(), store.flushHits(), store.update('ab', { expiresAt: null }, START)]
  store.hit('ab')
  await Promise.all(flushes)
  store.hit('ab')
  assert.equal(store.get('ab').hits, 3)
  await store.flushHits()
  assert.equal(store.get('ab').hits, 3)
  await store.close()
  assert.equal((await readLinks(folder))[0].hits, 3)
})

test('hits of a deleted link are not given to its successor', async (t) => {
  const store = await open(t, await temporaryFolder(t))
  await store.create(link('ab'))
  store.hit('ab')
  await store.delete('ab')
  await store.create(link('ab'))
  assert.equal(store.get('ab').hits, 0)
})

test('a change that a crash cut short is dropped, and the next one is sound', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await open(t, folder)
  await first.create(link('ab'))
  await first.close()
  await appendFile(journalOf(folder), '{"put":{"slug":"torn"')

  assert.equal((await readLinks(folder)).length, 1)
  const second = await open(t, folder)
  await second.create(link('cd'))
  await second.close()
  assert.deepEqual(
    (await readLinks(folder)).map(({ slug }) => slug),
    ['ab', 'cd'],
  )
})

test('a damaged or foreign journal is refused, and the folder released', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(journalOf(folder), '{"format":"octo-links/1","nextSeq":1}\nrubbish\n')
  await assert.rejects(openStore(folder), /links\.jsonl:2: not a JSON record/)
  await writeFile(journalOf(folder), '{"format":"octo-links/9"}\n')
  await assert.rejects(openStore(folder), { code: 'format' })
  await writeFile(journalOf(folder), '{"format":"octo-links/1","nextSeq":1}\n{"rename":1}\n')
  await assert.rejects(openStore(folder), { code: 'format' })
  assert.deepEqual(await readdir(folder), ['links.jsonl'])
})

test('compaction keeps links and never hands out a seq twice', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await open(t, folder, { compactAfter: 10 })
  await store.create(link('keep'))
  store.hit('keep')
  for (let i = 0; i < 8; i += 1) {
    await store.create(link('temp'))
    await store.delete('temp')
  }
  await store.create(link('last'))
  await store.close()
  const lines = (await readFile(journalOf(folder), 'utf8')).trimEnd().split('\n')
  assert.ok(lines.length < 12, `${lines.length} lines`)
  assert.deepEqual(
    (await readLinks(folder)).map(({ slug, seq, hits }) => [slug, seq, hits]),
    [
      ['keep', 1, 1],
      ['last', 10, 0],
    ],
  )
  assert.deepEqual(await readdir(folder), ['links.jsonl'])
})

test('a folder is open once at a time', async (t) => {
  const folder = await temporaryFolder(t)
  const store = await open(t, folder)
  await assert.rejects(openStore(folder), { code: 'locked' })
  await store.close()
  await (await open(t, folder)).close()
})

test('a lock left by a crash is taken over, one in use elsewhere is not', async (t) => {
  const folder = await temporaryFolder(t)
  const lock = join(folder, 'links.lock')
  await writeFile(lock, JSON.stringify({ id: 'x', host: 'elsewhere', pid: 1 }))
  await assert.rejects(openStore(folder), { code: 'locked' })
  const past = new Date(Date.now() - 60_000)
  await utimes(lock, past, past)
  await (await open(t, folder)).close()

  const noSuchProcess = 2 ** 30
  await writeFile(lock, JSON.stringify({ id: 'x', host: hostname(), pid: noSuchProcess }))
  await (await open(t, folder)).close()
})

test('a store that failed or is closed refuses changes but still answers', async (t) => {
  const store = await open(t, await temporaryFolder(t))
  await store.create(link('ab'))
  store.fail(new Error('disk full'))
  assert.equal(store.writable, false)
  await assert.rejects(store.create(link('cd')), { code: 'unavailable' })
  assert.equal(store.get('ab').slug, 'ab')
  await store.close()
  await assert.rejects(store.delete('ab'), { code: 'unavailable' })
})

test('a folder without links is not exported as an empty one', async (t) => {
  await assert.rejects(readLinks(await temporaryFolder(t)), { code: 'format' })
})
