import assert from 'node:assert/strict'
import { test } from 'node:test'
import { momentOf, timeOf } from './audit-time.ts'

test('a time is a day, a moment in UTC or with its zone, or how long ago', () => {
  const moment = Date.UTC(2026, 10, 28, 5, 43, 55)
  const saved = process.env['TZ']
  process.env['TZ'] = 'America/Los_Angeles'
  try {
    assert.equal(timeOf('2026-11-28'), Date.UTC(2026, 10, 28))
    for (const text of ['2026-11-28T05:43:55', '2026-11-28T05:43:55Z', '2026-11-28T06:43:55.000+01:00'])
      assert.equal(timeOf(text), moment, text)
    assert.equal(timeOf('2026-11-28T05:43'), moment - 55_000)
    assert.equal(momentOf('2026-11-28T05:43:55'), moment)
    assert.equal(momentOf('2026-11-27t21:43:55-08:00'), moment)
  } finally {
    if (saved === undefined) delete process.env['TZ']
    else process.env['TZ'] = saved
  }
  for (const text of ['90m', '90m ago']) assert.equal(timeOf(text, 10_000_000), 10_000_000 - 5_400_000, text)
  assert.equal(timeOf(undefined), undefined)
  for (const text of ['yesterday', '', '5', '5 ago', '90mago', '2026-13-01', '28.11.2026'])
    assert.throws(() => timeOf(text), /is no time such as/)
})

test('what is no moment is refused, and not taken for another one', () => {
  for (const text of [
    ...['400', '5', '6h', '', '2026-02-30', '2026-02-30T06:00:00Z', '2026-11-31T23:00:00+01:00'],
    ...['2026-11-28T24:00:00Z', '2026-11-28T05:60:00Z', '2026-11-28 05:43:55', '2026-11-28T05:43:55+1:00'],
    ...['2026-11-28T05:43:55+25:00', '2026-11-28T05', '2026-11-28Z', '28 Nov 2026', '+012026-01-01'],
  ])
    assert.throws(() => momentOf(text), { code: 'bad_input', message: /is no time such as/ }, text)
})
