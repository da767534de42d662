import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { advertisement, openWorld, request } from '../gateway.fixture.ts'
import { cutCapabilities } from './advertise.ts'
import { chunked, coded, cut, places } from './git.fixture.ts'
import { flushPacket, packetLine } from './pkt-line.ts'

const service = [packetLine('# service=git-upload-pack\n'), flushPacket]
const lines = (...texts: string[]) => texts.map((text) => packetLine(`${text}\n`))

async function cutOf(body: Readable): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of cutCapabilities(body)) pieces.push(piece)
  return Buffer.concat(pieces)
}

const offered = Buffer.concat([
  ...service,
  ...lines(
    'version 2',
    'agent=git/2.51',
    'ls-refs=unborn',
    'fetch=shallow wait-for-done filter packfile-uris ref-in-want',
    'server-option',
    'object-format=sha1',
    'object-info',
    'bundle-uri',
    'bundle-uri=x',
    'promisor-remote=name=a,url=https://evil.example',
    'new-thing',
  ),
  flushPacket,
])
const passing = Buffer.concat([
  ...service,
  ...lines(
    'version 2',
    'agent=git/2.51',
    'ls-refs=unborn',
    'fetch=shallow wait-for-done filter ref-in-want',
    'server-option',
    'object-format=sha1',
    'object-info',
  ),
  flushPacket,
])

test('of what a server offers in version 2, what passes here is left, however it comes', async () => {
  await fc.assert(
    fc.asyncProperty(places, async (where) => {
      assert.deepEqual(await cutOf(chunked(cut(offered, where))), passing)
    }),
    { numRuns: 50 },
  )
})

test('refs of an older version pass as they are', async () => {
  const refs = Buffer.concat([
    ...service,
    ...lines(`${'a'.repeat(40)} HEAD\0multi_ack`, `${'a'.repeat(40)} refs/heads/bundle-uri`, 'bundle-uri'),
    flushPacket,
  ])
  assert.deepEqual(await cutOf(Readable.from([refs])), refs)
})

test('an answer that is cut off, or is none, does not end as a whole one', async () => {
  for (const end of [offered.length - 3, 40])
    await assert.rejects(cutOf(Readable.from([offered.subarray(0, end)])), coded('upstream_unreachable'))
  await assert.rejects(cutOf(Readable.from([Buffer.from('<html>')])), coded('bad_input'))
})

test('a step does not see that its server offers bundle-uri; who asks for it anyway is refused by name', async (t) => {
  const world = await openWorld(t)
  const list = { 'content-type': 'application/x-git-upload-pack-advertisement' }
  world.upstream.handle = (_request, response) =>
    void response.writeHead(200, { ...list, 'content-length': offered.length }).end(offered)
  const headers = { 'git-protocol': 'version=2', 'accept-encoding': 'gzip' }
  const { status, body } = await world.ask(request('GET', advertisement, { headers }))
  assert.equal(status, 200)
  assert.match(body, /version 2[^]*fetch=shallow wait-for-done filter ref-in-want\n/)
  assert.doesNotMatch(body, /bundle-uri|promisor/)
  assert.equal(world.upstream.seen[0]?.headers['accept-encoding'], 'identity')
  const refused = await world.ask(
    request('POST', '/octo/app.git/git-upload-pack', {
      headers,
      body: Buffer.concat([packetLine('command=bundle-uri\n'), flushPacket]),
    }),
  )
  assert.equal(refused.status, 403)
  assert.match(refused.body, /the command "bundle-uri" of Git's protocol does not pass here/)
  assert.equal(world.upstream.seen.length, 1)
})
