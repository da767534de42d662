import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { MayflyError, Secret, systemClock } from '../../lib/index.ts'
import { openLog, temporaryFolder, token } from '../log/log.fixture.ts'
import { createSigner, signReceipt, signReceiptList } from '../sign/index.ts'
import { parseVerifierKey, readEntries, shortType, textOf, verifyReceipt } from '../verify/index.ts'
import { folderSource, verifyFolder } from '../verify/node.ts'
import { type AuditClientOptions, createAuditClient } from './index.ts'

const event = { type: 'session.issued', subject: 'ses_1', run: 'run_1', data: { role: 'build' } }

function clientOf(
  t: TestContext,
  url: string,
  verifierKey: string,
  options: Partial<AuditClientOptions> = {},
) {
  const appendToken = new Secret(token)
  const client = createAuditClient({
    url,
    verifierKey,
    appendToken,
    source: '/test',
    clock: systemClock,
    ...options,
  })
  t.after(() => client.close())
  return client
}

function code(expected: string, message: RegExp = /./) {
  return (error: unknown) =>
    error instanceof MayflyError && error.code === expected && message.test(error.message)
}

test('an event becomes a CloudEvents entry with a verified receipt', async (t) => {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder)
  const client = clientOf(t, log.url, log.verifierKey, { clock: { nowMs: () => 1_700_000_000_000 } })
  const receipt = await client.append(event)
  const verifier = parseVerifierKey(log.verifierKey)
  assert.ok(verifier !== undefined && (await verifyReceipt(receipt, verifier)))
  assert.deepEqual(await client.health(), { ok: true, size: 1 })
  await log.close()
  for await (const { bytes } of readEntries(folderSource(folder))) {
    const { id, ...entry } = JSON.parse(textOf(bytes))
    assert.match(id, /^[0-9a-f-]{36}$/)
    assert.equal(shortType(entry.type), 'session.issued')
    assert.deepEqual(entry, {
      specversion: '1.0',
      source: '/test',
      type: 'dev.cdeventsx.mayfly-session.issued.0.2.0',
      subject: 'ses_1',
      time: '2023-11-14T22:13:20.000Z',
      datacontenttype: 'application/json',
      mayflyrun: 'run_1',
      data: {
        context: {
          specversion: '0.5.1',
          id,
          source: '/test',
          type: 'dev.cdeventsx.mayfly-session.issued.0.2.0',
          timestamp: '2023-11-14T22:13:20.000Z',
          chainId: 'run_1',
        },
        subject: { id: 'ses_1', content: { role: 'build' } },
      },
    })
  }
})

test('many appends at once: each its own entry, few requests; close waits for them', async (t) => {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder)
  const client = clientOf(t, log.url, log.verifierKey)
  const appends = Array.from({ length: 2_500 }, (_, number) =>
    client.append({ type: 'test.appended', data: { number } }),
  )
  await client.close()
  const receipts = await Promise.all(appends)
  assert.equal(new Set(receipts.map(({ index }) => index)).size, 2_500)
  await assert.rejects(client.append(event), code('audit_unavailable', /closed/))
  await log.close()
  assert.equal((await verifyFolder(folder, log.verifierKey, { receipts })).ok, true)
})

test('the log is restarted on the same port: appends wait and lose nothing', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await openLog(t, folder)
  const client = clientOf(t, first.url, first.verifierKey, { giveUpMs: 20_000 })
  await client.append(event)
  await first.close()
  const waiting = Array.from({ length: 10 }, () => client.append(event))
  await new Promise((resolve) => setTimeout(resolve, 100))
  await openLog(t, folder, { port: Number(new URL(first.url).port) })
  const indexes = (await Promise.all(waiting)).map(({ index }) => index)
  assert.deepEqual(
    indexes.toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  )
})

test('a log that cannot be reached, or never answers: audit_unavailable in one line', async (t) => {
  const key = createSigner('x', randomBytes(32)).verifierKey
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  t.after(() => silent.closeAllConnections())
  t.after(() => silent.close())
  await new Promise((resolve) => silent.once('listening', resolve))
  const { port } = silent.address() as AddressInfo
  for (const url of ['http://127.0.0.1:1', `http://127.0.0.1:${port}`]) {
    const client = clientOf(t, url, key, { giveUpMs: 200, timeoutMs: 100 })
    await assert.rejects(
      client.append(event),
      code('audit_unavailable', /^the audit log gives no receipts: [^\n]+$/),
    )
    assert.equal((await client.health()).ok, false)
  }
})

test('a lost answer: the entry is sent again with its key and stands in the log once', async (t) => {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder)
  let calls = 0
  const proxy = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray())
    const headers = { authorization: request.headers.authorization ?? '' }
    const answer = await fetch(`${log.url}${request.url}`, { method: 'POST', headers, body })
    const text = await answer.text()
    if (calls++ === 0) return void response.destroy()
    response.writeHead(answer.status).end(text)
  }).listen(0, '127.0.0.1')
  t.after(() => proxy.close())
  await new Promise((resolve) => proxy.once('listening', resolve))
  const client = clientOf(t, `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, log.verifierKey)
  assert.equal((await client.append(event)).index, 0)
  assert.equal(calls, 2)
  assert.equal((await client.append(event)).index, 1)
  await client.close()
})

test('one refused entry takes no other of its batch with it', async (t) => {
  const log = await openLog(t, await temporaryFolder(t))
  const client = clientOf(t, log.url, log.verifierKey)
  await client.append({ ...event, id: 'used', data: { role: 'first' } })
  const ids = ['a', 'b', 'used', 'c', 'd']
  const sent = await Promise.allSettled(ids.map((id) => client.append({ ...event, id })))
  assert.deepEqual(
    sent.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  )
  const refused = sent[2]?.status === 'rejected' ? sent[2].reason : undefined
  assert.ok(code('audit_rejected', /used for another entry/)(refused), String(refused))
  assert.deepEqual(await client.health(), { ok: true, size: 5 })
})

test('another log, or anybody on its port, is refused', async (t) => {
  const log = await openLog(t, await temporaryFolder(t))
  const stranger = createSigner('test.example/audit', randomBytes(32))
  const client = clientOf(t, log.url, stranger.verifierKey)
  await assert.rejects(client.append(event), code('audit_corrupt'))
  const list = await Promise.allSettled([client.append(event), client.append(event)])
  assert.ok(list.every((one) => one.status === 'rejected' && code('audit_corrupt')(one.reason)))
})

test('an old answer played back is refused: it is not for these bytes', async (t) => {
  const signer = createSigner('test.example/audit', randomBytes(32))
  const old = [signReceipt({ index: 0, leafHash: Buffer.alloc(32).toString('base64'), timeMs: 1 }, signer)]
  const answer = JSON.stringify({ receipts: old, signature: signReceiptList(old, signer) })
  const server = createServer((_, response) => response.end(answer)).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const client = clientOf(t, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, signer.verifierKey)
  await assert.rejects(client.append(event), code('audit_corrupt'))
  await client.close()
})

test('a wrong token, an entry too large, a bad type, too many waiting', async (t) => {
  const log = await openLog(t, await temporaryFolder(t))
  const stranger = clientOf(t, log.url, log.verifierKey, { appendToken: new Secret('wrong') })
  await assert.rejects(stranger.append(event), code('audit_rejected', /401.*token/))
  const client = clientOf(t, log.url, log.verifierKey, { maxWaiting: 2 })
  await assert.rejects(
    client.append({ type: 'a.b', data: { text: 'x'.repeat(65_536) } }),
    code('limit_exceeded'),
  )
  await assert.rejects(client.append({ type: 'ab', data: {} }), code('bad_input'))
  const all = await Promise.allSettled([1, 2, 3].map(() => client.append(event)))
  assert.deepEqual(
    all.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
  const options = { url: log.url, appendToken: new Secret(''), source: '/t', clock: systemClock }
  assert.throws(() => createAuditClient({ ...options, verifierKey: 'nonsense' }), code('config_invalid'))
})
