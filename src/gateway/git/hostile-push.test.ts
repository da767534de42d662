import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { serveGit } from '../../../demo/peers/git-server.ts'
import { openWorld, request, until } from '../gateway.fixture.ts'
import { pushHead, zero } from './git.fixture.ts'
import { commitText, delta, distance, entry, idOf, packOf, types, withDigest } from './pack.fixture.ts'
import { flushPacket, packetLine } from './pkt-line.ts'
import { openGitWorld } from './repository.fixture.ts'

const main = 'refs/heads/main'

/** A pack that makes `main` move back or sideways, dressed so that a reader might take it for a step forward. */
test('a pack that lies moves nothing on a real server', async (t) => {
  const world = await openGitWorld(t)
  const { base, old } = world.ids
  const evil = commitText(base)
  const honest = commitText(old)
  const pack = world.local.pack()
  const first = entry(types.commit, honest)
  const lies: Record<string, [to: string, pack: Buffer]> = {
    // It names a commit that descends, and brings another.
    'another commit than it names': [idOf(evil), packOf([entry(types.commit, honest)])],
    // The parent stands where git does not read it.
    'a parent in the message': [
      idOf(`${evil}parent ${old}\n`),
      packOf([entry(types.commit, `${evil}parent ${old}\n`)]),
    ],
    'a parent behind the author': [
      idOf(evil.replace('committer', `parent ${old}\ncommitter`)),
      packOf([entry(types.commit, evil.replace('committer', `parent ${old}\ncommitter`))]),
    ],
    'a blob that reads like a commit': [idOf(honest), packOf([entry(types.blob, honest)])],
    'two packs, the first of which moves back': [base, Buffer.concat([pack, packOf([first])])],
    'its end twice': [base, Buffer.concat([pack, pack.subarray(-20)])],
    'fewer objects than it says': [base, packOf([first], { count: 0 })],
    'a delta of itself': [
      idOf(evil),
      packOf([first, entry(types.offsetDelta, delta(honest.length, evil), { base: distance(0) })]),
    ],
    'a delta of a commit': [
      idOf(evil),
      packOf([first, entry(types.offsetDelta, delta(honest.length, evil), { base: distance(first.length) })]),
    ],
    'no pack': [base, Buffer.alloc(0)],
    'a pack without its end': [idOf(evil), packOf([entry(types.commit, evil)]).subarray(0, -20)],
    'a wrong end': [idOf(evil), withDigest(packOf([entry(types.commit, evil)]))],
  }
  for (const [what, [to, bytes]] of Object.entries(lies)) {
    const answer = await world.pushRaw([[old, to, main]], bytes)
    assert.equal(answer.refs[main], 'not granted: not a fast-forward', what)
    assert.equal(world.refOf(main), old, what)
  }
  assert.equal((await world.pushRaw([[old, idOf(honest), main]], packOf([first]))).refs[main], 'ok')
})

test('a parent that is not on the server is not taken for its ref', async (t) => {
  const world = await openGitWorld(t)
  const { old } = world.ids
  const made = 'd'.repeat(40)
  const claimed = commitText(made)
  const answer = await world.pushRaw([[made, idOf(claimed), main]], packOf([entry(types.commit, claimed)]))
  assert.notEqual(answer.refs[main], 'ok')
  assert.equal(world.refOf(main), old)
  // Behind it lies what the server does not have: it cannot tell.
  const asked = await world.pushRaw([[old, idOf(claimed), main]], packOf([entry(types.commit, claimed)]))
  assert.match(asked.remote, /cannot be told whether it is a fast-forward/)
  assert.equal(world.refOf(main), old)
})

// The refusal must not be got round by leaving before it is given.
test('a step that leaves before the end of its pack has pushed nothing', async (t) => {
  const world = await openGitWorld(t, { more: ['git:force git/octo/app@refs/heads/*'] })
  const { base, old } = world.ids
  let open = 0
  const real = world.upstream.onHead
  world.upstream.onHead = (incoming, response) => {
    open += 1
    response.once('close', () => (open -= 1))
    real?.(incoming, response)
  }
  const body = Buffer.concat([pushHead([[old, base, main]]), world.local.pack()])
  const whole = request('POST', '/octo/app.git/git-receive-pack', {
    headers: { 'content-type': 'application/x-git-receive-pack-request' },
    body,
  })
  const tls = await world.secure()
  tls.write(whole.subarray(0, -1))
  await until(() => world.upstream.begun.some(({ url }) => url.endsWith('receive-pack')))
  tls.destroy()
  await until(() => open === 0)
  assert.equal(world.refOf(main), old)
})

type Answer = (response: ServerResponse) => void
const answers: Record<string, Answer> = {
  'an error': (response) => void response.writeHead(500).end('no'),
  'a refused credential': (response) => void response.writeHead(401).end('no'),
  'another type': (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('0000'),
  'a packed answer': (response) => void result(response, { 'content-encoding': 'gzip' }).end('0000'),
  'an empty one': (response) => void result(response).end(),
  'one without an end': (response) => void result(response).end(packetLine('x y\n')),
  'half a packet': (response) => void result(response).end('00ff'),
  'no packet': (response) => void result(response).end('zzzz'),
  'what is no id': (response) =>
    void result(response).end(Buffer.concat([packetLine('\u001b[31m refs/heads/dev-1\n'), flushPacket])),
  'a symbolic ref that colours a terminal': (response) =>
    void result(response).end(
      Buffer.concat([
        packetLine(`${'a'.repeat(40)} refs/heads/dev-1 symref-target:refs/heads/\u001b[31m\n`),
        flushPacket,
      ]),
    ),
  'its own refusal': (response) => void result(response).end(packetLine('ERR \u001b[31mno\n')),
  'a broken connection': (response) => {
    result(response).write('0010')
    response.socket?.destroy()
  },
  'no answer': (response) => void response.socket?.destroy(),
}
const result = (response: ServerResponse, headers: Record<string, string> = {}) =>
  response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result', ...headers })

for (const [what, answer] of Object.entries(answers)) {
  test(`a server that answers the gateway’s question with ${what} gets no push`, async (t) => {
    const world = await openWorld(t)
    world.upstream.answersRefs = false
    world.upstream.onHead = (incoming, response) => void incoming.resume().once('end', () => answer(response))
    const body = Buffer.concat([pushHead([[zero, 'a'.repeat(40), 'refs/heads/dev-1']]), packOf([])])
    const told = await world.ask(request('POST', '/octo/app.git/git-receive-pack', { body }))
    assert.match(told.body, /ng refs\/heads\/dev-1 refused/)
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(told.body, /\u001b/)
    assert.ok(world.upstream.begun.every(({ url }) => !url.endsWith('/git-receive-pack')))
  })
}

test('a server that answers wrongly about its history makes nothing a fast-forward', async (t) => {
  const world = await openGitWorld(t)
  const { base, next } = world.ids
  const ref = 'refs/heads/stable'
  world.server.git(['update-ref', ref, base])
  const root = world.server.folder.slice(0, -'/octo/app.git'.length)
  const band = (number: number, bytes: Buffer | string) =>
    packetLine(Buffer.concat([Buffer.of(number), Buffer.from(bytes as string)]))
  const inPack = (...parts: Buffer[]) => Buffer.concat([packetLine('packfile\n'), ...parts, flushPacket])
  const lie = commitText(base)
  const wrong: Record<string, Answer> = {
    ...answers,
    'no pack': (response) => void result(response).end(flushPacket),
    'an empty pack': (response) => void result(response).end(inPack(band(1, packOf([])))),
    'a pack of other commits': (response) =>
      void result(response).end(inPack(band(1, packOf([entry(types.commit, lie)])))),
    'half a pack': (response) => void result(response).end(inPack(band(1, packOf([]).subarray(0, 15)))),
    'an error on its band': (response) => void result(response).end(inPack(band(3, 'no\u001b'))),
    'an unknown band': (response) => void result(response).end(inPack(band(9, 'x'))),
  }
  for (const [what, answer] of Object.entries(wrong)) {
    world.upstream.onHead = (incoming, response) => {
      const chunks: Buffer[] = []
      const isQuestion = incoming.url?.endsWith('/git-upload-pack') === true
      if (!isQuestion) return serveGit(root, incoming, response)
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.once('end', () => {
        if (Buffer.concat(chunks).includes('command=fetch')) return answer(response)
        result(response).end(Buffer.concat([packetLine(`${base} ${ref}\n`), flushPacket]))
      })
    }
    const pushed = await world.pushRaw([[base, next, ref]], world.local.pack())
    assert.equal(pushed.refs[ref], 'not granted: not a fast-forward', what)
    assert.equal(world.refOf(ref), base, what)
  }
})
