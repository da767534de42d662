import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { openWorld, request, until, type World } from '../../../src/gateway/gateway.fixture.ts'

const openHostile = (t: TestContext) => openWorld(t, { egress: ['egress.test:443'] })

interface Counted {
  count: number
  first: string
  last: string
  request: string
  refusals: { what: string; reason: string; count: number }[]
}

function countedIn(world: World): Counted[] {
  return world.audit
    .ofType('access.denied')
    .map(({ data }) => data as unknown as Counted)
    .filter(({ count }) => count !== undefined)
}

/** Sends these GETs on one connection, some at a time, and gives back all that comes. */
async function askAll(world: World, paths: readonly string[]): Promise<string> {
  const within = await world.secure()
  let answers = ''
  within.setEncoding('latin1').on('data', (chunk: string) => (answers += chunk))
  const count = () => answers.split('HTTP/1.1 ').length - 1
  for (let at = 0; at < paths.length; at += 20) {
    const some = paths.slice(at, at + 20)
    const texts = some.map((path) => request('GET', path).toString().replace('connection: close\r\n', ''))
    within.write(texts.join(''))
    await until(() => count() === at + some.length || within.destroyed)
  }
  within.destroy()
  return answers
}

const query = 'info/refs?service=git-upload-pack'

test('a loop of refused requests in one tunnel writes 200 entries, and the rest as one that counts them', async (t) => {
  const world = await openHostile(t)
  const paths = Array.from({ length: 1_000 }, () => `/octo/other.git/${query}`)
  const answers = await askAll(world, [...paths, `/elsewhere/app.git/${query}`])
  assert.equal(answers.split('HTTP/1.1 403 ').length - 1, 1_001)
  assert.equal(world.audit.ofType('access.denied').length, 200)
  world.brokers.end(world.step)
  await until(() => countedIn(world).length > 0)
  const [counted, ...more] = countedIn(world)
  assert.equal(more.length, 0)
  assert.equal(counted?.count, 801)
  assert.deepEqual(
    counted.refusals.map(({ what, count }) => [what, count]),
    [
      ['git:read git/octo/other', 800],
      ['git:read git/elsewhere/app', 1],
    ],
  )
  assert.ok(counted.first <= counted.last)
  // Whom a message sends to the log finds the entry.
  assert.match(answers, new RegExp(`elsewhere/app[^\\n]*\\(${counted.request}\\)`))
  const activity = world.gateway.activity(world.step.id)
  assert.equal(
    activity.denied.reduce((sum, { count }) => sum + count, 0),
    1_001,
  )
})

test('what a counted entry names has room in the log, whatever the step asked for', async (t) => {
  const world = await openHostile(t)
  await askAll(
    world,
    Array.from({ length: 400 }, (_, i) => `/${`${i}`.padEnd(1_000, 'a')}/app.git/${query}`),
  )
  world.brokers.end(world.step)
  await until(() => countedIn(world).length > 0)
  const [counted] = countedIn(world)
  assert.equal(counted?.count, 200)
  assert.equal(counted.refusals.length, 50)
})

test('refused CONNECTs count as well, of every host, and another step is not held to them', async (t) => {
  const world = await openHostile(t)
  for (let i = 0; i < 30; i++) {
    const tunnel = await world.connect(`h${i}.test:443`)
    assert.equal(tunnel.status, 403)
    tunnel.socket.destroy()
  }
  const other = world.brokers.open(world.signer.jkt)
  assert.equal((await world.connect('h.test:443', {}, other)).status, 403)
  assert.equal(world.audit.ofType('access.denied').length, 31)
  world.brokers.end(world.step)
  world.brokers.end(other)
  await new Promise(setImmediate)
  assert.equal(countedIn(world).length, 0)
})

test('a step has 256 tunnels open, is told so, and gets one more when one is closed', async (t) => {
  const world = await openHostile(t)
  const tunnels = []
  for (let i = 0; i < 256; i++) tunnels.push(await world.connect('git.test:443'))
  assert.ok(tunnels.every(({ status }) => status === 200))
  const over = await world.connect('git.test:443')
  assert.equal(over.status, 429)
  assert.match(await over.rest(), /256 connections open/)
  const other = world.brokers.open(world.signer.jkt)
  assert.equal((await world.connect('git.test:443', {}, other)).status, 200)
  for (const { socket } of tunnels.slice(0, 10)) socket.destroy()
  const again = async (): Promise<number> => {
    const { status } = await world.connect('git.test:443')
    return status === 429 ? again() : status
  }
  assert.equal(await again(), 200)
})
