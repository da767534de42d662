import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rotationSchema, type RotationConfig } from '../config/index.ts'
import { byHttp, name, setup, startMs, startUpstream } from './rotation.fixture.ts'
import { isOpen, nextOpenMs, scheduleOf } from './schedule.ts'

const by = byHttp('https://api.example.com')
const config = (when: object): RotationConfig => rotationSchema.parse({ by, ...when })
const at = (text: string) => Date.parse(text)
const dayMs = 86_400_000

test('a window may lie over midnight', () => {
  for (const [window, time, open] of [
    ['22:00-02:00', '2026-08-01T21:59:59Z', false],
    ['22:00-02:00', '2026-08-01T22:00:00Z', true],
    ['22:00-02:00', '2026-08-02T00:00:00Z', true],
    ['22:00-02:00', '2026-08-02T01:59:59Z', true],
    ['22:00-02:00', '2026-08-02T02:00:00Z', false],
    ['02:00-05:00', '2026-08-02T02:00:00Z', true],
    ['02:00-05:00', '2026-08-02T05:00:00Z', false],
  ] as const)
    assert.equal(isOpen(window, at(time)), open, `${window} ${time}`)
  assert.equal(nextOpenMs('22:00-02:00', at('2026-08-02T02:00:00Z')), at('2026-08-02T22:00:00Z'))
})

test('cron is UTC: no hour is skipped, none comes twice, where clocks of people change', () => {
  // Europe changed on 2026-03-29 and 2026-10-25, America on 2026-03-08 and 2026-11-01.
  for (const day of ['2026-03-29', '2026-10-25', '2026-03-08', '2026-11-01'])
    for (const hour of ['01', '02', '03']) {
      const due = at(`${day}T${hour}:30:00Z`)
      const daily = config({ cron: `30 ${Number(hour)} * * *` })
      assert.equal(scheduleOf(daily, due - 1_000, 'x').plannedMs, due)
      assert.equal(scheduleOf(daily, due, 'x').plannedMs, due + dayMs)
    }
  assert.equal(
    scheduleOf(config({ cron: '0 3 * * 1' }), at('2026-08-01T00:00:00Z'), 'x').plannedMs,
    at('2026-08-03T03:00:00Z'),
  )
})

test('property: it is planned before it is late, in its window, the same on every server', () => {
  const minute = fc.integer({ min: 0, max: 1439 }).map((m) => {
    const two = (value: number) => String(value).padStart(2, '0')
    return `${two(Math.floor(m / 60))}:${two(m % 60)}`
  })
  const windows = fc.tuple(minute, minute).filter(([from, to]) => from !== to)
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 400 }),
      fc.option(windows, { nil: undefined }),
      fc.integer({ min: 0, max: 4e12 }),
      fc.string(),
      (days, window, madeMs, seed) => {
        const open = window === undefined ? {} : { window: window.join('-') }
        const one = config({ every: `${days}d`, jitter: `${days * 8}h`, ...open })
        const schedule = scheduleOf(one, madeMs, seed)
        assert.ok(schedule.plannedMs >= madeMs && schedule.plannedMs <= schedule.lateMs)
        assert.ok(schedule.warnMs >= schedule.plannedMs && schedule.warnMs <= schedule.lateMs)
        assert.ok(isOpen(one.window, schedule.plannedMs))
        assert.deepEqual(scheduleOf(one, madeMs, seed), schedule)
      },
    ),
    { numRuns: 100 },
  )
})

test('refused: no time, two of them, a window beside a cron, what matches never, a window of no length', () => {
  for (const when of [
    {},
    { every: '30d', cron: '0 3 * * *' },
    { cron: '0 3 * * *', window: '02:00-05:00' },
    { cron: '0 3 31 2 *' },
    { cron: '* * * * * *' },
    { cron: '@daily' },
    { every: '30d', window: '02:00-02:00' },
    { every: '30d', window: '24:00-02:00' },
    { every: '1d', window: '02:00-05:00' },
    { every: '2d', jitter: '25h' },
    { every: '0d' },
  ])
    assert.equal(rotationSchema.safeParse({ by, ...when }).success, false, JSON.stringify(when))
})

test('it begins when it is due and its window is open; people hear before it is late, and once', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url), { every: '30d', window: '02:00-05:00' })
  upstream.fault = (act) => (act === 'create' ? 'refused' : undefined)
  const server = it.server()
  const sweepAt = async (ms: number) => {
    it.clock.ms = ms
    await server.sweep()
  }
  const { plannedMs, lateMs, warnMs } = scheduleOf(
    it.secrets[name]?.rotation ?? config({}),
    startMs,
    `${name} 1`,
  )
  await sweepAt(plannedMs - 60_000)
  assert.deepEqual(upstream.asked, [])
  await sweepAt(plannedMs)
  assert.deepEqual(upstream.asked, ['identify', 'create'])
  const nextMs = async () => (await server.statusOf(name)).nextMs
  assert.equal(await nextMs(), (await it.rows())[0]?.due_ms, 'it is tried again in a moment')
  for (const ms of [10_000, 40_000, 90_000, 300_000]) await sweepAt(plannedMs + ms)
  const [failed] = await it.rows()
  assert.equal(failed?.state, 'failed')
  assert.equal(await nextMs(), nextOpenMs('02:00-05:00', (failed.ended_ms ?? 0) + 300_000))
  // Long after, out of its window: it waits.
  await sweepAt(Math.max(warnMs, plannedMs + 8 * 3_600_000))
  await sweepAt(lateMs)
  await sweepAt(lateMs + 10_000)
  assert.deepEqual(
    it.told.map(({ event, data }) => [event, data['about']]),
    [
      ['secret.rotation_failed', undefined],
      ['secret.rotation_late', 'soon'],
      ['secret.rotation_late', 'late'],
    ],
  )
  assert.equal(it.told[1]?.data['owner'], 'payments')
  assert.match(String(it.told[1]?.data['reason']), /create: the API answered 422/)
  assert.deepEqual(await server.counts(), { late: 1, stuck: 0, open: 0 })
  assert.equal((await server.status())[0]?.isLate, true)
  upstream.fault = () => undefined
  await sweepAt(nextOpenMs('02:00-05:00', lateMs + 20_000))
  await it.settle(server)
  assert.deepEqual(await server.counts(), { late: 0, stuck: 0, open: 0 })
})

test('a clock that goes back and forth rotates once, and holds nothing for ever', async (t) => {
  const upstream = await startUpstream(t)
  const it = await setup(t, byHttp(upstream.url))
  const server = it.server()
  it.clock.ms = startMs + 29.5 * dayMs
  await server.sweep()
  assert.equal((await it.rows())[0]?.state, 'promoted')
  for (const ms of [startMs, startMs + 29.6 * dayMs, startMs - 400 * dayMs]) {
    it.clock.ms = ms
    await server.sweep()
  }
  assert.equal(upstream.asked.filter((act) => act === 'create').length, 1)
  // One that died under a clock of the future has not claimed it for years.
  const seen = (await it.rows())[0]
  await it.store.write((tx) =>
    tx
      .updateTable('rotations')
      .set({ claimed_ms: startMs + 4000 * dayMs, claimed_by: 'clm_gone' })
      .where('id', '=', seen?.id ?? '')
      .execute(),
  )
  it.clock.ms = startMs + 30 * dayMs
  await it.settle(server)
  assert.equal((await it.rows())[0]?.state, 'done')
})
