import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openStore, type Store } from '../../store/index.ts'
import { connection, grant } from '../broker.fixture.ts'
import type { Step } from '../model.ts'
import { mintedCredential, unreachable } from './upstream.fixture.ts'
import { createWorld, quickStore, type Server, type World } from './world.fixture.ts'

const db = connection('db', { credential: mintedCredential })

interface Story {
  readonly name: string
  readonly options?: Parameters<typeof createWorld>[1]
  prepare?(world: World): void
  run(world: World, server: Server, step: Step): Promise<void>
}

const lease = ({ leases }: Server, step: Step) => leases.issue(step, db, grant)

/** Long enough for one that lives five minutes to be renewed, or replaced. */
async function beginNext(world: World): Promise<void> {
  await world.advance(250_000)
}

const stories: Story[] = [
  {
    name: 'made and revoked',
    async run(world, server, step) {
      await lease(server, step)
      await world.endStep(server, step)
      await server.leases.idle()
    },
  },
  {
    name: 'made by an upstream that then fails',
    prepare(world) {
      world.upstream.on.after = (phase) => {
        if (phase === 'mint') throw unreachable()
      }
    },
    async run(world, server, step) {
      await lease(server, step).catch(() => undefined)
      await world.endStep(server, step)
      await server.leases.idle()
    },
  },
  {
    name: 'made by a slow upstream, whose step ends meanwhile',
    prepare(world) {
      world.upstream.on.before = (phase) => (phase === 'mint' ? world.later(45_000) : undefined)
    },
    async run(world, server, step) {
      const leasing = lease(server, step).catch(() => undefined)
      await world.settle()
      await world.endStep(server, step)
      await world.advance(50_000)
      await leasing
      await server.leases.idle()
    },
  },
  ...[true, false].map((renews) => ({
    name: renews ? 'made, renewed and revoked' : 'made, replaced and revoked',
    options: { renews },
    prepare: (world: World) => void (world.upstream.lifeSeconds = 300),
    async run(world: World, server: Server, step: Step) {
      await lease(server, step)
      await beginNext(world)
      await lease(server, step)
      await world.settle()
      await world.endStep(server, step)
      await server.leases.idle()
    },
  })),
]

/** Runs the story until the server dies, then lets others, `ends` among them, do what there is to do. */
async function die(store: Store, story: Story, life: number): Promise<{ died: boolean; world: World }> {
  const world = createWorld(store, story.options)
  story.prepare?.(world)
  const server = world.boot(life)
  const step = await world.openStep()
  const running = story.run(world, server, step).catch(() => undefined)
  // A dead server never answers.
  await Promise.race([running, quiet(world)])
  const died = server.dead
  server.dead = true
  world.upstream.on = {}
  const [one, two] = [world.boot(), world.boot()]
  await world.endStep(one, step)
  for (let i = 0; i < 9; i++) {
    await world.advance(61_000)
    await Promise.all([one.leases.sweep(), two.leases.sweep()])
    await world.settle()
  }
  return { died, world }
}

async function quiet(world: World): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await world.settle()
    await new Promise((next) => setImmediate(next))
  }
  await world.advance(300_000)
}

async function states(store: Store): Promise<string[]> {
  const rows = await store.read.selectFrom('leases').select('state').where('revoked_ms', 'is', null).execute()
  return rows.map(({ state }) => state)
}

for (const story of stories)
  test(`killed between any two steps of a lease that is ${story.name}: nothing lives upstream, every row is final`, async (t) => {
    const { store } = quickStore(t)
    let points = 0
    for (let life = 0; ; life++) {
      const { died, world } = await die(store, story, life)
      const where = `killed at ${life}: asked ${world.upstream.asked.join(', ')}`
      assert.deepEqual(world.upstream.left(), [], where)
      assert.deepEqual(await states(store), [], where)
      assertTold(world, where)
      if (!died) break
      points++
    }
    assert.ok(points > 12, `${points} points`)
  })

/** Whatever the log says was issued, it says was revoked, once; and nothing was said to be issued twice. */
function assertTold({ audit }: World, where: string): void {
  const subjects = (type: string) => audit.ofType(type).map(({ subject }) => subject)
  const [issued, revoked] = [subjects('lease.issued'), subjects('lease.revoked')]
  assert.equal(new Set(issued).size, issued.length, where)
  assert.equal(new Set(revoked).size, revoked.length, where)
  for (const one of issued) assert.ok(revoked.includes(one), where)
}

test('two servers that find the same credential end its lease together, once', async (t) => {
  const { store, file } = quickStore(t)
  const other = openStore(file, async () => undefined)
  t.after(() => other.close())
  const world = createWorld(store)
  const servers = [world.boot(), world.boot(Infinity, other)]
  const step = await world.openStep()
  const [first] = servers
  const { id } = await lease(first as Server, step)
  await Promise.all(servers.map(({ leases }) => leases.endOne(id, 'found')))
  for (const { leases, deliver } of [...servers, ...servers]) {
    await leases.sweep()
    await leases.idle()
    deliver()
    await world.settle()
  }
  assert.deepEqual(world.upstream.left(), [])
  assert.equal(world.upstream.asked.filter((phase) => phase === 'revoke').length, 1)
  assert.deepEqual(
    world.audit.ofType('lease.revoked').map(({ data }) => data['reason']),
    ['found'],
  )
})

test('two servers on one store file end what is due together, and nothing twice', async (t: TestContext) => {
  const { store, file } = quickStore(t)
  const other = openStore(file, async () => undefined)
  t.after(() => other.close())
  const world = createWorld(store)
  const under = new Map<string, number>()
  const { revoke } = world.upstream.issuer
  let most = 0
  world.upstream.issuer.revoke = async (held, tools) => {
    const now = (under.get(held.lease) ?? 0) + 1
    most = Math.max(most, now)
    under.set(held.lease, now)
    await new Promise((next) => setImmediate(next))
    try {
      return await revoke(held, tools)
    } finally {
      under.set(held.lease, now - 1)
    }
  }
  const servers = [world.boot(), world.boot(Infinity, other)] as const
  for (let i = 0; i < 40; i++) {
    const step = await world.openStep()
    await lease(servers[i % 2 === 0 ? 0 : 1], step)
    step.endReason = 'finished'
    // Its end is in the store, and nobody has begun it.
    await store.write((tx) =>
      tx
        .updateTable('leases')
        .set({ state: 'revoking', due_ms: world.clock.nowMs(), revoking_ms: world.clock.nowMs() })
        .where('step_id', '=', step.id)
        .execute(),
    )
  }
  for (let i = 0; i < 10 && world.upstream.living().length > 0; i++) {
    await Promise.all(servers.map(({ leases }) => leases.sweep().catch(() => undefined)))
    await Promise.all(servers.map(({ leases }) => leases.idle()))
  }
  await world.settle()
  assert.deepEqual(world.upstream.living(), [])
  assert.deepEqual(await states(store), [])
  assert.equal(most, 1)
  assert.equal(world.upstream.asked.filter((one) => one === 'revoke').length, 40)
})

test('the store is full: upstreams are asked to revoke all the same, and it is told once there is room', async (t) => {
  const { store } = quickStore(t)
  const world = createWorld(store)
  let full = false
  const onDisk = <T>(write: () => Promise<T>) =>
    full ? Promise.reject(new Error('the disk is full')) : write()
  const own: Store = {
    ...store,
    write: (work) => onDisk(() => store.write(work)),
    writeAll: (build) => onDisk(() => store.writeAll(build)),
  }
  const server = world.boot(Infinity, own)
  const [before, after] = [await world.openStep(), await world.openStep()]
  await lease(server, before)
  await lease(server, after)
  world.upstream.on.before = () => {
    throw unreachable()
  }
  await world.endStep(server, before)
  await world.settle()
  world.upstream.on = {}
  full = true
  await assert.rejects(world.endStep(server, after), /full/)
  await world.advance(2_000)
  await assert.rejects(server.leases.sweep(), /full/)
  await world.settle()
  assert.deepEqual(world.upstream.living(), [], 'one that was marked, and one that could not be')
  const asked = world.upstream.asked.length
  await world.advance(60_000)
  await assert.rejects(server.leases.sweep(), /full/)
  await world.settle()
  assert.equal(world.upstream.asked.length, asked, 'what is dead is not asked for again and again')
  full = false
  await world.endStep(server, after)
  await server.leases.sweep()
  await world.settle()
  assert.deepEqual(await states(store), [])
  assertTold(world, '')
})
