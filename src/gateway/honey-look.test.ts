import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Honey, Planted } from '../honey/index.ts'
import { Secret } from '../lib/index.ts'
import { commit } from './git/git.fixture.ts'
import { flushPacket, packetLine } from './git/pkt-line.ts'
import { openWorld, request, until } from './gateway.fixture.ts'

// In two parts, so that no scanner takes them for what they look like.
const own = ['ghp_UQE3BtI9ltmDAQexx8NM', 'xKoWq4RNkv2aK3mj'].join('')
const foreign = ['glpat-7DOZumlnSR', '80Kyyt2Mr0'].join('')
const trap = 'registry.corp.example.com'

/** STUB of the values: the room `honey` has its own tests; `foreign` was planted in another run. */
function stubHoney(): Honey & { on: boolean } {
  const elsewhere = {
    run: 'run_2',
    step: 'stp_2',
    name: 'build',
    role: 'other',
    place: 'file:.netrc',
  } as Planted
  return {
    on: true,
    config() {
      return this.on ? { files: {}, env: {}, hosts: [trap] } : undefined
    },
    plantsIn: () => true,
    async plant() {
      return { env: {}, files: {}, secrets: [{ place: 'env:TOKEN', value: new Secret(own, 'env:TOKEN') }] }
    },
    find: async (text) => (text.includes(foreign) ? [elsewhere] : []),
  }
}

async function setup(t: TestContext) {
  const honey = stubHoney()
  const world = await openWorld(t, { honey })
  world.upstream.handle = (_request, response) => void response.end('ok')
  const touches = () => world.audit.ofType('honey.touched').map(({ data, run }) => ({ run, ...data }))
  return { honey, world, touches }
}

const advertisement = '/octo/app.git/info/refs?service=git-upload-pack'

test('planted values in address, headers and body, in any encoding: recorded with run, step and place, and the step is told nothing of it', async (t) => {
  const { world, touches } = await setup(t)
  const { step } = world
  const sent: readonly (readonly [string, Parameters<typeof request>])[] = [
    ['headers', ['GET', advertisement, { headers: { authorization: `Bearer ${own}` } }]],
    [
      'headers',
      [
        'GET',
        advertisement,
        { headers: { authorization: `Basic ${Buffer.from(`x:${own}`).toString('base64')}` } },
      ],
    ],
    ['address', ['GET', `${advertisement}&x=${own.replace('_', '%5f')}`]],
    ['body', ['POST', '/octo/app.git/git-upload-pack', { body: Buffer.from(`0032want ${own}`) }]],
  ]
  const plain = await world.ask(request('GET', advertisement))
  assert.equal(plain.status, 200)
  for (const [where, asked] of sent) {
    await world.ask(request(...asked))
    await until(() => touches().some((one) => 'where' in one && one.where === where))
  }
  const planted = {
    ...{ run: step.session.runId, step: step.id, name: step.name, role: step.role },
    place: 'env:TOKEN',
  }
  for (const touch of touches()) {
    assert.equal(touch.run, step.session.runId)
    assert.deepEqual('planted' in touch && touch.planted, planted)
    assert.ok('host' in touch && touch.host === 'git.test')
  }
  assert.deepEqual(
    touches()
      .map((one) => ('where' in one ? String(one.where) : ''))
      .toSorted(),
    ['address', 'body', 'headers'],
  )
  // The same answer as without: the credential of the step's own is stripped, as any is.
  const used = await world.ask(request('GET', advertisement, { headers: { authorization: `Bearer ${own}` } }))
  assert.deepEqual([used.status, used.body], [plain.status, plain.body])
  assert.equal(JSON.stringify(world.audit.ofType('honey.touched')).includes(own), false)
})

test('what was planted in another run is its own, whoever sends it', async (t) => {
  const { world, touches } = await setup(t)
  const basic = Buffer.from(`deploy:${foreign}`).toString('base64')
  await world.ask(request('GET', advertisement, { headers: { authorization: `Basic ${basic}` } }))
  await until(() => touches().length === 1)
  const [touch] = touches()
  assert.equal(touch?.run, world.step.session.runId)
  assert.deepEqual(touch && 'planted' in touch && touch.planted, {
    ...{ run: 'run_2', step: 'stp_2', name: 'build', role: 'other', place: 'file:.netrc' },
  })
})

test('a host that only planted files name: the ordinary refusal, and a touch', async (t) => {
  const { world, touches } = await setup(t)
  const ordinary = await world.connect('nothing.corp.example.com:443')
  const trapped = await world.connect(`${trap}:443`)
  const text = async (tunnel: typeof trapped, host: string) =>
    `${tunnel.head}${await tunnel.rest()}`
      .replaceAll(host, 'HOST')
      .replaceAll(/req_\w+/g, 'ID')
      .replace(/Content-Length: \d+/, '')
  assert.equal(await text(trapped, trap), await text(ordinary, 'nothing.corp.example.com'))
  assert.deepEqual(
    touches().map((one) => [
      one.run,
      'how' in one && one.how,
      'host' in one && one.host,
      'port' in one && one.port,
    ]),
    [[world.step.session.runId, 'asked', trap, 443]],
  )
})

test('a body that is longer than what is looked at passes whole', async (t) => {
  const { world, touches } = await setup(t)
  const body = Buffer.concat([
    ...Array.from({ length: 3_000 }, () => packetLine(`want ${commit('a')}\n`)),
    ...[flushPacket, packetLine('done\n')],
  ])
  const { status } = await world.ask(request('POST', '/octo/app.git/git-upload-pack', { body }))
  assert.equal(status, 200)
  assert.ok(world.upstream.seen[0]?.body.equals(body))
  assert.deepEqual(touches(), [])
})

test('without honey in the policy nothing is looked at', async (t) => {
  const { honey, world, touches } = await setup(t)
  honey.on = false
  honey.find = () => assert.fail('it was looked for')
  honey.plant = () => assert.fail('it was asked for')
  await world.ask(request('GET', advertisement, { headers: { authorization: `Bearer ${own}` } }))
  await world.connect(`${trap}:443`)
  assert.deepEqual(touches(), [])
})
