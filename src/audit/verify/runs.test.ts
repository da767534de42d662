import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRunsCheck, type Entry, formatEntry } from './index.ts'

const startMs = 1_760_000_000_000

function check(entries: readonly Partial<Entry>[]) {
  const runs = createRunsCheck()
  for (const [i, entry] of entries.entries()) {
    const time = new Date(startMs + i * 1_000).toISOString()
    const whole = {
      id: String(i),
      source: '/s',
      subject: 'x',
      type: 'step.started',
      data: {},
      time,
      ...entry,
    }
    runs.add(i, Buffer.from(formatEntry(whole)))
  }
  const { problems, ...rest } = runs.verdict()
  return {
    ...rest,
    problems: problems.map(({ run, kind }) => `${run} ${kind}`),
    messages: problems.map(({ message }) => message),
  }
}

const entry = (seq: number, more: Partial<Entry> = {}): Partial<Entry> => ({
  run: 'r',
  seq,
  ...(seq === 0 ? { type: 'run.started' } : {}),
  ...more,
})
const end = (seq: number): Partial<Entry> => entry(seq, { type: 'run.finished' })
const lost = (seq: number, ...numbers: number[]): Partial<Entry> =>
  entry(seq, { type: 'entries.lost', data: { numbers } })
const later = { run: 'other', seq: 0, time: new Date(startMs + 26 * 3_600_000).toISOString() }

test('a whole run, in any order, is finished and faultless', () => {
  const whole = [0, 1, 2, 3, 4].map((seq) => entry(seq))
  fc.assert(
    fc.property(fc.shuffledSubarray(whole, { minLength: 5 }), (shuffled) => {
      const { problems, finished, open } = check([...shuffled, end(5)])
      assert.deepEqual([problems, finished, open], [[], 1, []])
    }),
  )
})

test('whatever is taken out of a finished run is found', () => {
  const whole = [...[0, 1, 2, 3, 4, 5].map((seq) => entry(seq)), end(6)]
  fc.assert(
    fc.property(fc.subarray([0, 1, 2, 3, 4, 5], { minLength: 1 }), (taken) => {
      const { problems } = check(whole.filter((one) => !taken.includes(one.seq ?? -1)))
      assert.deepEqual(problems, ['r gap'])
    }),
  )
  assert.match(
    check(whole.filter(({ seq }) => seq !== 2 && seq !== 3 && seq !== 5)).messages[0] ?? '',
    /^numbers 2 to 3, 5 are missing/,
  )
  assert.match(
    check([entry(0), entry(Number.MAX_SAFE_INTEGER), lost(3, 5, 1.5, -1)]).messages[0] ?? '',
    /^numbers 1 to 2, 4, 6 to 9007199254740990 are missing/,
  )
  const holes = Array.from({ length: 1_002 }, (_, i) => entry(2 * i))
  assert.match(check(holes).messages[0] ?? '', /^numbers 1, 3, .*, 1999 and more are missing/)
  assert.match(check([entry(0), entry(2)]).messages[0] ?? '', /^number 1 is missing/)
})

test('a run whose end was taken out: open while it may be, then unfinished', () => {
  assert.deepEqual(check([entry(0), entry(1)]).open, ['r'])
  assert.deepEqual(check([entry(0), entry(1), later]).problems, ['r unfinished'])
})

test('numbers that the writer gave up are no gap, whether their entry came or not', () => {
  assert.deepEqual(check([entry(0), entry(2), lost(3, 1), end(4)]).problems, [])
  assert.deepEqual(check([entry(0), entry(1), entry(2), end(3), lost(4, 1)]).problems, [])
  assert.deepEqual(check([entry(0), entry(3), lost(4, 1), end(5)]).problems, ['r gap'])
})

test('a number twice is a fault, unless the server was started in between', () => {
  assert.deepEqual(check([entry(0), entry(1), entry(1), end(2)]).problems, ['r duplicate'])
  const restart: Partial<Entry> = { type: 'server.started' }
  assert.deepEqual(check([entry(0), entry(1), restart, entry(1), end(2)]).problems, [])
  const again = [entry(0), entry(1), entry(2), restart, entry(1), entry(2), entry(3)]
  assert.deepEqual(check([...again, end(4)]).problems, [])
  for (const twice of [1, 2, 3])
    assert.deepEqual(check([...again, entry(twice), end(4)]).problems, ['r duplicate'])
  assert.deepEqual(check([...again, restart, entry(3), entry(2), end(4)]).problems, [])
})

test('a run that goes on after its end has to end again', () => {
  const first = [entry(0), end(1)]
  const again = [entry(2, { type: 'session.issued' }), entry(3)]
  assert.deepEqual(check([...first, ...again, end(4)]).problems, [])
  assert.deepEqual(check([...first, ...again, later]).problems, ['r unfinished'])
})

test('an entry of a run without a number, and one that is none', () => {
  assert.deepEqual(check([entry(0), { run: 'r' }, end(1)]).problems, ['r unnumbered'])
  const runs = createRunsCheck()
  runs.add(7, Buffer.from('{}'))
  assert.deepEqual(runs.verdict().unreadable, [7])
})
