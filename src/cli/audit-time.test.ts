import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timeOf } from './audit-time.ts'

test('a time is a day, a moment in UTC or with its zone, or how long ago', () => {
  const moment = Date.UTC(2026, 10, 28, 5, 43, 55)
  const saved = process.env['TZ']
  process.env['TZ'] = 'America/Los_Angeles'
  try {
    assert.equal(timeOf('2026-11-28'), Date.UTC(2026, 10, 28))
    for (const text of ['2026-11-28T05:43:55', '2026-11-28T05:43:55Z', '2026-11-28T06:43:55.000+01:00'])
      assert.equal(timeOf(text), moment, text)
    assert.equal(timeOf('2026-11-28T05:43'), moment - 55_000)
  } finally {
    if (saved === undefined) delete process.env['TZ']
    else process.env['TZ'] = saved
  }
  for (const text of ['90m', '90m ago']) assert.equal(timeOf(text, 10_000_000), 10_000_000 - 5_400_000, text)
  assert.equal(timeOf(undefined), undefined)
  for (const text of ['yesterday', '', '5', '5 ago', '90mago', '2026-13-01', '28.11.2026'])
    assert.throws(() => timeOf(text), /is no time such as/)
})
