import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UpstreamBusy } from '../../credentials/index.ts'
import type { Store } from '../../store/index.ts'
import { connection, grant } from '../broker.fixture.ts'
import type { Step } from '../model.ts'
import { mintedCredential, unreachable, type Phase } from './upstream.fixture.ts'
import { askMs } from './revoker.ts'
import { createWorld, quickStore, type Server, type World } from './world.fixture.ts'
import { runs } from '../../../test/whole.ts'

/** 10,000 with `npm run test:leases`. */
const histories = Number(process.env['MAYFLY_LEASE_HISTORIES'] ?? runs(200, 500))

type Fault = 'none' | 'refused' | 'lost' | 'busy' | 'slow' | 'late'
type Op =
  | { readonly do: 'open' | 'lease' | 'end' | 'endAgain'; readonly which: number }
  | { readonly do: 'pass'; readonly seconds: number }
  | { readonly do: 'sweep' }
  | { readonly do: 'kill'; readonly life: number }
  | { readonly do: 'jump'; readonly seconds: number }
  | { readonly do: 'faults'; readonly next: readonly Fault[] }

const which = fc.nat(2)
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('open' as const), which }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('lease' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('end' as const, 'endAgain' as const), which }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      seconds: fc.constantFrom(0, 1, 20, 61, 250, 700),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sweep' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('kill' as const), life: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('jump' as const),
      seconds: fc.constantFrom(-3_600, -40, 40, 3_600),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('faults' as const),
      next: fc.array(fc.constantFrom<Fault>('none', 'refused', 'lost', 'busy', 'slow', 'late'), {
        minLength: 1,
        maxLength: 5,
      }),
    }),
  },
)
const kind = fc.record({
  renews: fc.boolean(),
  probes: fc.boolean(),
  lifeSeconds: fc.constantFrom(300, 7_200),
})

test(`${histories} histories of leases: whatever dies, fails, comes late or twice, nothing lives upstream at the end, and what is said is true`, async (t) => {
  const { store } = quickStore(t)
  const history = fc.asyncProperty(kind, fc.array(op, { minLength: 3, maxLength: 14 }), (one, ops) =>
    live(store, one, ops),
  )
  await fc.assert(history, { numRuns: histories, endOnFailure: histories <= 500 })
})

let worlds = 0

/** Lives one history over the store that all share, and holds it against the model. */
async function live(
  store: Store,
  { lifeSeconds, ...options }: { renews: boolean; probes: boolean; lifeSeconds: number },
  ops: readonly Op[],
): Promise<void> {
  const world = createWorld(store, options)
  const db = connection(`db-${worlds++}`, { credential: mintedCredential })
  world.upstream.lifeSeconds = lifeSeconds
  const model = watch(world, store)
  let server = world.boot()
  const steps: Step[] = [await world.openStep()]
  const at = (index: number) => steps[index % steps.length] as Step
  for (const one of ops) {
    if (one.do === 'open') steps.push(await world.openStep())
    else if (one.do === 'lease') {
      const step = at(one.which)
      // As the broker: nothing is asked for a step that is over.
      if (step.endReason === undefined && step.expiresMs > world.clock.nowMs())
        void server.leases.issue(step, db, grant).then(
          (lease) => model.handedOut(lease.id, step),
          () => undefined,
        )
    } else if (one.do === 'end' || one.do === 'endAgain')
      for (const times of one.do === 'end' ? [1] : [1, 2])
        void world.endStep(server, at(one.which)).catch(() => times)
    else if (one.do === 'pass') await world.advance(one.seconds * 1000)
    else if (one.do === 'sweep') void server.leases.sweep().catch(() => undefined)
    else if (one.do === 'jump') world.skewMs += one.seconds * 1000
    else if (one.do === 'faults') model.faults.push(...one.next)
    else if (one.do === 'kill') {
      // Another one starts while this one has a little left to do.
      server.life = one.life
      server = world.boot()
    }
    await world.settle()
    if (server.dead) server = world.boot()
  }
  await finish(world, server, steps, model)
  const rows = await store.read.selectFrom('leases').selectAll().where('connection', '=', db.name).execute()
  model.check(
    rows,
    ops.some((one) => one.do === 'jump'),
  )
}

/** Upstreams are well again; two servers do what there is to do. */
async function finish(world: World, server: Server, steps: readonly Step[], model: Model): Promise<void> {
  model.faults.length = 0
  server.dead = true
  const [one, two] = [world.boot(), world.boot()]
  for (const step of steps) await world.endStep(one, step)
  for (let i = 0; i < 8; i++) {
    await Promise.all([one.leases.sweep(), two.leases.sweep()])
    one.deliver()
    await world.settle()
    await world.advance(i < 3 ? 61_000 : 310_000)
  }
}

type Model = ReturnType<typeof watch>

/** The model: what an upstream that is asked so does, and what may be said of it. */
function watch(world: World, store: Store) {
  const faults: Fault[] = []
  const wrong: string[] = []
  /** Wrong unless a clock was set meanwhile: then time has passed for us that has not for the upstream. */
  const timely: string[] = []
  const revoking = new Map<string, number>()
  const trueMs = () => world.clock.nowMs() - world.skewMs
  const { upstream, audit } = world
  let phaseFault: Fault = 'none'
  upstream.on.before = async () => {
    phaseFault = faults.shift() ?? 'none'
    if (phaseFault === 'refused') throw unreachable()
    if (phaseFault === 'busy') throw new UpstreamBusy('upstream.test answers 429', 20_000)
    if (phaseFault === 'slow') await world.later(40_000)
  }
  upstream.on.after = async (_phase: Phase) => {
    const mine = phaseFault
    phaseFault = 'none'
    if (mine === 'lost') throw unreachable()
    if (mine === 'late') await world.later(35_000)
  }
  // No two ask at once for the end of the same one, before the first has been given up.
  const { revoke } = upstream.issuer
  upstream.issuer.revoke = async (held, tools) => {
    const { lease, handle } = held
    // What is looked for by its plan may be found by its late answer meanwhile: another question.
    if (handle === undefined) return await revoke(held, tools)
    const sinceMs = revoking.get(lease)
    if (sinceMs !== undefined && trueMs() < sinceMs + askMs) timely.push(`${lease} is revoked twice at once`)
    revoking.set(lease, trueMs())
    try {
      return await revoke(held, tools)
    } finally {
      revoking.delete(lease)
    }
  }
  const { append } = audit.client
  audit.client.append = async (event) => {
    const lease = event.subject ?? ''
    const lives = upstream.left().filter((id) => id.startsWith(lease))
    if (event.type === 'lease.revoked' && event.data['proof'] !== 'expired' && lives.length > 0)
      timely.push(`${lease} is said to be dead (${String(event.data['proof'])}), and lives`)
    if (event.type === 'lease.issued' && store.find('leases', { id: lease })?.handle === null)
      wrong.push(`${lease} is in the log before the store has what revokes it`)
    return await append(event)
  }
  return {
    faults,
    handedOut(lease: string, step: Step) {
      if (step.endReason !== undefined) wrong.push(`${lease} is handed out after the end of its step`)
      if (!audit.ofType('lease.issued').some(({ subject }) => subject === lease))
        wrong.push(`${lease} is handed out, and the log does not have it`)
    },
    check(rows: readonly { id: string; state: string }[], jumped: boolean) {
      assert.deepEqual(jumped ? wrong : [...wrong, ...timely], [])
      const open = rows.filter(({ state }) => state !== 'revoked' && state !== 'expired')
      assert.deepEqual(open, [], 'every row is final')
      const ended = rows.filter(({ state }) => state === 'expired').map(({ id }) => id)
      const left = upstream.left().filter((id) => !ended.some((lease) => id.startsWith(lease)))
      if (!jumped) assert.deepEqual(left, [], 'nothing lives upstream')
      const subjects = (type: string) => audit.ofType(type).map(({ subject }) => subject)
      const revoked = subjects('lease.revoked')
      for (const one of subjects('lease.issued'))
        assert.ok(revoked.includes(one), `${one} is never said to be dead`)
    },
  }
}
