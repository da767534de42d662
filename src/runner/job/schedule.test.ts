import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import { schedule, type Fate } from './schedule.ts'
import { createSlots, type Place } from './slots.ts'

interface Step {
  readonly name: string
  readonly needs: readonly string[]
  readonly asks: 'success' | 'failure' | 'always'
  readonly fails: boolean
  /** Turns of the event loop that it takes. */
  readonly turns: number
  readonly place: Place
}

interface World {
  readonly steps: readonly Step[]
  readonly failFast: boolean
  readonly jobs: number
  /** The turn in which the job is asked to end, if it is. */
  readonly cancelAt: number | undefined
}

const world: fc.Arbitrary<World> = fc.integer({ min: 1, max: 12 }).chain((count) =>
  fc.record({
    failFast: fc.boolean(),
    jobs: fc.integer({ min: 1, max: 4 }),
    cancelAt: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
    steps: fc.tuple(
      ...Array.from({ length: count }, (_, i) =>
        fc.record({
          name: fc.constant(`s${i}`),
          needs: fc.subarray(Array.from({ length: i }, (_, j) => `s${j}`)),
          asks: fc.constantFrom(
            'success' as const,
            'success' as const,
            'failure' as const,
            'always' as const,
          ),
          fails: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
          turns: fc.integer({ min: 0, max: 6 }),
          place: fc.record({ folder: fc.constantFrom('/a', '/b'), trust: fc.constantFrom('x', 'y') }),
        }),
      ),
    ),
  }),
)

interface Event {
  readonly what: 'set up' | 'begin' | 'end'
  readonly step: Step
}

const holds = (asks: Step['asks'], failed: boolean) => asks === 'always' || (asks === 'failure') === failed

/** Runs a world as the runner does: a slot, set up, the gate, the command. */
async function live(it: World) {
  const cancel = new AbortController()
  const slots = createSlots<Step>(it.jobs, ({ place }) => place)
  const events: Event[] = []
  const interrupted = new Map(it.steps.map(({ name }) => [name, new AbortController()]))
  const signalOf = ({ name }: Step) =>
    AbortSignal.any([cancel.signal, (interrupted.get(name) ?? cancel).signal])
  const clock = (async () => {
    for (let i = 0; i < (it.cancelAt ?? -1); i++) await turn()
    if (it.cancelAt !== undefined) cancel.abort()
  })()
  const fates = await schedule<Step, string>({
    ...it,
    cancel: cancel.signal,
    wants: ({ asks }, failed) => holds(asks, failed),
    interrupt: ({ name }) => interrupted.get(name)?.abort(),
    async run(step, stillWanted) {
      using slot = await slots.take(step, signalOf(step))
      if (slot === undefined || !stillWanted()) return undefined
      events.push({ what: 'set up', step })
      await turn()
      await slot.mayBegin()
      events.push({ what: 'begin', step })
      for (let i = 0; i < step.turns && !signalOf(step).aborted; i++) await turn()
      events.push({ what: 'end', step })
      const ok = !step.fails && !signalOf(step).aborted
      return { ok, result: step.name }
    },
  })
  await clock
  return { fates, events }
}

const indexOf = (events: readonly Event[], name: string, what: Event['what']) =>
  events.findIndex((event) => event.step.name === name && event.what === what)

test('any graph: nothing before its needs, nothing lost, nothing left running, never too many', async () => {
  await fc.assert(
    fc.asyncProperty(world, async (it) => {
      const { fates, events } = await live(it)
      assert.deepEqual(
        [...fates.keys()],
        it.steps.map(({ name }) => name),
      )
      const running = new Set<Step>()
      for (const { what, step } of events) {
        if (what === 'set up') {
          for (const name of step.needs)
            if (fates.get(name)?.kind === 'ran')
              assert.ok(
                indexOf(events, name, 'end') < events.indexOf(events.find((e) => e.step === step)!),
                step.name,
              )
          running.add(step)
          assert.ok(running.size <= it.jobs)
        }
        // Nothing runs in a folder while a sandbox is set up there, and nobody beside one who may do other things.
        const beside = [...running].filter((one) => one !== step && one.place.folder === step.place.folder)
        assert.ok(beside.every((one) => one.place.trust === step.place.trust))
        if (what === 'set up')
          assert.ok(
            beside.every((one) => indexOf(events, one.name, 'begin') > indexOf(events, step.name, 'set up')),
          )
        if (what === 'end') running.delete(step)
      }
      assert.equal(running.size, 0)
      for (const [name, fate] of fates) assert.equal(fate.kind === 'ran', indexOf(events, name, 'end') >= 0)
    }),
    { numRuns: 500 },
  )
})

/** What each step becomes where nothing is cut short, said without a scheduler: the oracle. */
function expected({ steps }: World): Map<string, Fate<string>> {
  const fates = new Map<string, Fate<string>>()
  const behind = new Set<string>()
  for (const { name, needs, asks, fails } of steps) {
    const failed = needs.some((one) => behind.has(one))
    const runs = holds(asks, failed)
    if (failed || (runs && fails)) behind.add(name)
    if (runs) fates.set(name, { kind: 'ran', ok: !fails, result: name })
    else fates.set(name, { kind: failed && holds(asks, false) ? 'not_started' : 'passed_over' })
  }
  return fates
}

test('without fail_fast the fates follow from the graph alone, whatever the order of time', async () => {
  await fc.assert(
    fc.asyncProperty(world, async (drawn) => {
      const it = { ...drawn, failFast: false, cancelAt: undefined }
      const { fates } = await live(it)
      assert.deepEqual(fates, expected(it))
    }),
    { numRuns: 500 },
  )
})

const plain = (name: string, more: Partial<Step> = {}): Step => ({
  name,
  needs: [],
  asks: 'success',
  fails: false,
  turns: 3,
  place: { folder: `/${name}`, trust: 'x' },
  ...more,
})

test('fail_fast: what runs is asked to end, what is for failures runs, the rest is not started', async () => {
  const { fates } = await live({
    failFast: true,
    jobs: 4,
    cancelAt: undefined,
    steps: [
      plain('bad', { fails: true, turns: 0 }),
      plain('long', { turns: 1_000_000 }),
      plain('guard', { asks: 'always', turns: 20 }),
      plain('next', { needs: ['long'] }),
      plain('clean', { needs: ['bad'], asks: 'failure' }),
    ],
  })
  assert.deepEqual(
    [...fates].map(([name, fate]) => [name, fate.kind === 'ran' ? fate.ok : fate.kind]),
    [
      ['bad', false],
      ['long', false],
      ['guard', true],
      ['next', 'not_started'],
      ['clean', true],
    ],
  )
})

test('steps in one folder and of one trust begin together; of another trust after them', async () => {
  const place = { folder: '/a', trust: 'x' }
  const { events } = await live({
    failFast: true,
    jobs: 4,
    cancelAt: undefined,
    steps: [
      plain('one', { place }),
      plain('two', { place }),
      plain('other', { place: { folder: '/a', trust: 'y' } }),
    ],
  })
  assert.deepEqual(
    events.map(({ what, step }) => `${step.name} ${what}`),
    [
      ...['one set up', 'two set up', 'one begin', 'two begin', 'one end', 'two end'],
      ...['other set up', 'other begin', 'other end'],
    ],
  )
})

test('a fault of ours is thrown, after everything that runs has ended', async () => {
  let ended = false
  const running = schedule<Step, string>({
    steps: [plain('fault'), plain('other')],
    failFast: true,
    cancel: new AbortController().signal,
    wants: (_, failed) => !failed,
    interrupt: () => undefined,
    async run(step) {
      if (step.name === 'fault') throw new Error('a fault')
      for (let i = 0; i < 5; i++) await turn()
      ended = true
      return { ok: true, result: '' }
    },
  })
  await assert.rejects(running, /a fault/)
  assert.equal(ended, true)
})
