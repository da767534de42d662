import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { MayflyError, limits } from '../../lib/index.ts'
import { readFetchRequest } from './fetch-request.ts'
import { chunked, coded, commit, cut, places } from './git.fixture.ts'
import { flushPacket, packetLine } from './pkt-line.ts'

const read = (bytes: Buffer, encoding?: string) => readFetchRequest(Readable.from([bytes]), encoding)
const v2 = Buffer.concat([
  packetLine('command=fetch'),
  packetLine('agent=git/2.39'),
  Buffer.from('0001'),
  packetLine('thin-pack\n'),
  packetLine(`want ${commit('a')}\n`),
  packetLine(`want ${commit('b')}\n`),
  packetLine(`want ${commit('a')}\n`),
  packetLine(`have ${commit('c')}\n`),
  packetLine('done\n'),
  flushPacket,
])

test('wants are recorded once each, in both protocol versions', async () => {
  const asked = await read(v2)
  assert.deepEqual([asked.command, asked.wants, asked.wantCount], ['fetch', [commit('a'), commit('b')], 2])
  assert.deepEqual(asked.body, v2)
  const v1 = Buffer.concat([
    packetLine(`want ${commit('d')} multi_ack side-band-64k agent=git/1.9\n`),
    flushPacket,
    packetLine('done\n'),
  ])
  assert.deepEqual((await read(v1)).wants, [commit('d')])
  const sha256 = 'e'.repeat(64)
  assert.deepEqual((await read(packetLine(`want ${sha256}\n`))).wants, [sha256])
  assert.equal((await read(Buffer.concat([packetLine('command=ls-refs\n'), flushPacket]))).command, 'ls-refs')
})

test('a compressed request is sent on in plain form', async () => {
  for (const encoding of ['gzip', 'x-gzip']) assert.deepEqual((await read(gzipSync(v2), encoding)).body, v2)
})

test('every split gives the same request', async () => {
  await fc.assert(
    fc.asyncProperty(places, fc.boolean(), async (where, compressed) => {
      const sent = compressed ? gzipSync(v2) : v2
      const asked = await readFetchRequest(chunked(cut(sent, where)), compressed ? 'gzip' : undefined)
      assert.deepEqual([asked.body, asked.wantCount], [v2, 2])
    }),
    { numRuns: 50 },
  )
})

test('a few kilobytes that stand for gigabytes are refused', async () => {
  const bomb = gzipSync(Buffer.alloc(limits.fetchRequestBytes + 1))
  assert.ok(bomb.length < 10_000)
  await assert.rejects(read(bomb, 'gzip'), coded('bad_input', /within its limit/))
  await assert.rejects(
    read(
      Buffer.concat([gzipSync(Buffer.alloc(limits.fetchRequestBytes - 8)), gzipSync(Buffer.alloc(1024))]),
      'gzip',
    ),
    coded('bad_input'),
  )
})

test('gzip cut off anywhere, or spoilt, is refused', async () => {
  const whole = gzipSync(v2)
  for (let end = 0; end < whole.length; end++)
    await assert.rejects(read(whole.subarray(0, end), 'gzip'), coded('bad_input'), String(end))
  const spoilt = Buffer.from(whole)
  spoilt[spoilt.length - 8] = (spoilt[spoilt.length - 8] ?? 0) ^ 1
  await assert.rejects(read(spoilt, 'gzip'), coded('bad_input'))
  await assert.rejects(read(v2, 'gzip'), coded('bad_input'))
})

test('an encoding that we do not read is refused', async () => {
  for (const encoding of ['deflate', 'br', 'GZIP', 'gzip, gzip', 'identity', ''])
    await assert.rejects(read(v2, encoding), coded('bad_input'), encoding)
})

test('more than the limit is refused, and what is no packet line too', async () => {
  const lines = Buffer.concat(Array.from({ length: 1000 }, () => packetLine(Buffer.alloc(10_000, 'x'))))
  await assert.rejects(read(lines), coded('limit_exceeded'))
  await assert.rejects(read(Buffer.from('GET / HTTP/1.1\r\n')), coded('bad_input'))
})

test('a hundred thousand wants are counted, a hundred are kept', async () => {
  const wants = Array.from({ length: 100_000 }, (_, i) =>
    packetLine(`want ${i.toString(16).padStart(40, '0')}\n`),
  )
  const asked = await read(Buffer.concat(wants))
  assert.deepEqual([asked.wants.length, asked.wantCount], [100, 100_000])
})

test('more lines than any fetch has are refused, and others are served meanwhile', async () => {
  let served = 0
  const serving = setImmediate(function again() {
    served++
    setImmediate(again).unref()
  })
  const most = Buffer.concat([packetLine('want x\n'), Buffer.from('0005x'.repeat(299_999))])
  assert.equal((await read(gzipSync(most), 'gzip')).wantCount, 0)
  assert.ok(served >= 20, String(served))
  clearImmediate(serving)
  await assert.rejects(read(Buffer.from('0005x'.repeat(300_001))), coded('limit_exceeded', /lines/))
})

test('junk is read or refused with a code', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom(undefined, 'gzip'),
      async (junk, encoding) => {
        const bytes = Buffer.from(junk)
        await read(bytes, encoding).then(
          (asked) => assert.equal(asked.wantCount, asked.wants.length),
          (error: unknown) => assert.ok(error instanceof MayflyError),
        )
      },
    ),
  )
})

test('commands that only read pass; any other is refused by its name, wherever it stands', async () => {
  const of = (...lines: string[]) =>
    read(Buffer.concat([...lines.map((line) => packetLine(line)), flushPacket]))
  for (const name of ['ls-refs', 'fetch', 'object-info'])
    assert.equal((await of(`command=${name}\n`)).refused, undefined)
  for (const name of ['bundle-uri', 'fetchx', 'Fetch', '', 'fetch ls-refs', `fetch${'x'.repeat(200)}`])
    assert.match(
      (await of(`command=${name}\n`)).refused ?? '',
      /does not pass here: ls-refs, fetch, object-info do/,
    )
  assert.match((await of('command=fetch\n', 'command=bundle-uri\n')).refused ?? '', /"bundle-uri"/)
  assert.match((await of('command=fetch', 'packfile-uris https\n')).refused ?? '', /packfile-uris/)
})
