import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pauseMs } from './attach-pause.ts'
import { UpstreamBusy } from './busy.ts'

const busy = (after?: string) => new UpstreamBusy('busy', 503, after)

for (const [what, attempt, error, leftMs, expected] of [
  ['the first time shortly', 1, new Error('x'), 10_000, 500],
  ['the second time longer', 2, new Error('x'), 10_000, 1_000],
  ['not a fourth time', 3, new Error('x'), 10_000, undefined],
  ['as long as the registry says', 1, busy('2'), 10_000, 2_000],
  ['no shorter than usual, if it says less', 2, busy('0'), 10_000, 1_000],
  ['as usual, if it does not say', 1, busy(), 10_000, 500],
  ['not at all, if what it says is too late', 1, busy('10'), 10_000, undefined],
  ['not at all, if the time is over', 1, new Error('x'), 0, undefined],
] as const)
  test(`what could not be attached waits until it is tried again: ${what}`, () => {
    assert.equal(pauseMs(attempt, error, leftMs), expected)
  })
