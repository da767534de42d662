import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseVerifierKey, verifyReceipt, verifyReceiptList } from '../verify/index.ts'
import { verifyFolder } from '../verify/node.ts'
import { entriesOf, openLog, postEntries, temporaryFolder, token } from './log.fixture.ts'

test('entries get verifiable receipts in order, and are published with every checkpoint before', async (t) => {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder, { publishIntervalMs: 10 })
  const verifier = parseVerifierKey(log.verifierKey)
  assert.ok(verifier)
  const receipts = []
  for (let from = 0; from < 300; from += 100) {
    const { status, body } = await postEntries(log.url, entriesOf(from, from + 100))
    assert.equal(status, 200)
    assert.equal(await verifyReceiptList(body.receipts, body.signature, verifier), true)
    receipts.push(...body.receipts)
    while ((await publishedSize(log.url)) < from + 100);
  }
  assert.deepEqual(
    receipts.map(({ index }) => index),
    [...Array(300).keys()],
  )
  for (const receipt of receipts) assert.equal(await verifyReceipt(receipt, verifier), true)
  await log.close()
  const verdict = await verifyFolder(folder, log.verifierKey, { receipts })
  assert.ok(verdict.ok, JSON.stringify(verdict))
  assert.equal(verdict.size, 300)
  assert.deepEqual(await readdir(join(folder, 'state/staged')), [])
})

test('the folder and the private key are for their owner only', async (t) => {
  const folder = join(await temporaryFolder(t), 'log')
  await openLog(t, folder)
  assert.equal((await stat(folder)).mode & 0o777, 0o700)
  assert.equal((await stat(join(folder, 'state/key'))).mode & 0o777, 0o600)
})

test('static files: tiles, also partials that were dropped; no other path', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await openLog(t, folder)
  await postEntries(first.url, entriesOf(0, 100))
  await first.close()
  const second = await openLog(t, folder)
  const partial = Buffer.from(await (await fetch(`${second.url}/tile/entries/000.p/100`)).arrayBuffer())
  await postEntries(second.url, entriesOf(100, 300))
  await second.close()
  const log = await openLog(t, folder)
  await assert.rejects(stat(join(folder, 'tile/entries/000.p')))
  const again = await fetch(`${log.url}/tile/entries/000.p/100`)
  assert.deepEqual(Buffer.from(await again.arrayBuffer()), partial)
  assert.equal((await (await fetch(`${log.url}/tile/0/000.p/7`)).arrayBuffer()).byteLength, 7 * 32)
  assert.equal((await (await fetch(`${log.url}/key.vkey`)).text()).trim(), log.verifierKey)
  assert.match(await (await fetch(`${log.url}/checkpoint`)).text(), /^test\.example\/audit\n300\n/)
  const paths = [
    '/state/key',
    '/tile/../state/key',
    '/tile/0/%2e%2e/state/key',
    '//state/key',
    '/tile/0/000?x',
    '/',
  ]
  for (const path of [...paths, '/tile/0/999', '/checkpoints/../state/key']) {
    assert.equal(await rawStatus(log.url, path), 404, path)
  }
})

async function publishedSize(url: string): Promise<number> {
  const health = (await (await fetch(`${url}/healthz`)).json()) as { published: number }
  return health.published
}

// fetch would tidy the path up first.
async function rawStatus(url: string, path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(url)
  return await new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path }, (response) => resolve(response.resume().statusCode))
    sent.on('error', reject).end()
  })
}

test('the same key again: same receipt, no second entry, also after a restart; other bytes: 409', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await openLog(t, folder)
  const entries = entriesOf(0, 10)
  const { body } = await postEntries(first.url, entries)
  const mixed = await postEntries(first.url, [...entriesOf(8, 12), ...entriesOf(10, 11)])
  assert.deepEqual(
    mixed.body.receipts.map(({ index }) => index),
    [8, 9, 10, 11, 10],
  )
  await first.close()
  const log = await openLog(t, folder)
  assert.deepEqual((await postEntries(log.url, entries)).body, body)
  const conflict = await postEntries(log.url, [
    { key: 'new', entry: '{}' },
    { key: 'key-3', entry: '{}' },
  ])
  assert.deepEqual([conflict.status, conflict.body.error], [409, 'conflict'])
  const twice = await postEntries(log.url, [
    { key: 'a', entry: '{}' },
    { key: 'a', entry: '[]' },
  ])
  assert.equal(twice.status, 409)
  const next = await postEntries(log.url, [{ key: 'new', entry: '{}' }])
  assert.equal(next.body.receipts[0]?.index, 12)
})

test('time in the log never runs backwards', async (t) => {
  const folder = await temporaryFolder(t)
  const times = [5_000, 5_000, 4_000, 4_000, 3_000]
  const clock = { nowMs: () => times.shift() ?? 1_000 }
  const log = await openLog(t, folder, { clock })
  const all: number[] = []
  for (let i = 0; i < 5; i++)
    all.push((await postEntries(log.url, entriesOf(i, i + 1))).body.receipts[0]?.timeMs ?? 0)
  assert.deepEqual(
    all,
    all.toSorted((a, b) => a - b),
  )
})

test('requests that are refused: token, shape, size', async (t) => {
  const log = await openLog(t, await temporaryFolder(t), { maxBodyBytes: 200_000 })
  const entry = { key: 'k', entry: '{}' }
  for (const headers of [
    {},
    { authorization: 'Bearer wrong' },
    { authorization: token },
    { authorization: 'Bearer ' },
  ]) {
    assert.equal((await postEntries(log.url, [entry], headers as Record<string, string>)).status, 401)
  }
  const bad = [
    '',
    '[]',
    '{',
    '{"entries":{}}',
    '{"entries":[],"x":1}',
    'null',
    '{"entries":[null]}',
    '{"entries":[]}',
  ]
  for (const body of bad) assert.equal((await postEntries(log.url, body)).status, 400, body)
  const badEntries = [
    { key: '', entry: 'x' },
    { key: 'x'.repeat(129), entry: 'x' },
    { key: 'a\n', entry: 'x' },
    { key: 'a', entry: '' },
    { key: 'a', entry: '\ud800' },
    { key: 'a' },
    { ...entry, x: 1 },
  ]
  for (const one of badEntries) assert.equal((await postEntries(log.url, [entry, one])).status, 400)
  assert.equal((await postEntries(log.url, [{ key: 'k', entry: 'x'.repeat(65_536) }])).status, 413)
  assert.equal((await postEntries(log.url, Array(1_001).fill(entry))).status, 413)
  assert.equal((await postEntries(log.url, 'x'.repeat(200_001))).status, 413)
  assert.equal((await fetch(`${log.url}/append`)).status, 405)
  assert.equal((await fetch(`${log.url}/checkpoint`, { method: 'DELETE' })).status, 405)
  const largest = await postEntries(log.url, [{ key: 'k', entry: 'x'.repeat(65_535) }])
  assert.equal(largest.body.receipts[0]?.index, 0)
})

test('a full queue answers 429 with Retry-After, and takes no part of the request', async (t) => {
  const log = await openLog(t, await temporaryFolder(t), { queueEntries: 10 })
  const full = await postEntries(log.url, entriesOf(0, 11))
  assert.deepEqual([full.status, full.retryAfter], [429, '1'])
  assert.equal((await postEntries(log.url, entriesOf(0, 10))).body.receipts[0]?.index, 0)
})

test('unpublished bytes are bounded too', async (t) => {
  const log = await openLog(t, await temporaryFolder(t), { unpublishedBytes: 50 })
  assert.equal((await postEntries(log.url, entriesOf(0, 10))).status, 200)
  assert.equal((await postEntries(log.url, entriesOf(10, 11))).status, 429)
})

test('concurrent requests share the disk and each gets its own receipts', async (t) => {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder, { publishIntervalMs: 5 })
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => postEntries(log.url, entriesOf(i * 20, i * 20 + 20))),
  )
  const indexes = answers.flatMap(({ body }) => body.receipts.map(({ index }) => index))
  assert.deepEqual(
    indexes.toSorted((a, b) => a - b),
    [...Array(1_000).keys()],
  )
  await log.close()
  const receipts = answers.flatMap(({ body }) => body.receipts)
  assert.equal((await verifyFolder(folder, log.verifierKey, { receipts })).ok, true)
  assert.equal((await readFile(join(folder, 'key.vkey'), 'utf8')).trim(), log.verifierKey)
})
