import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Past } from '../policy/index.ts'
import { nothingToSuggest } from './policy-suggest.ts'

const refused: Past = {
  ...{ kind: 'operations', time: '2026-11-29T12:00:00Z', run: 'run_a', session: 's', request: undefined },
  ...{ allowed: false, shadow: false, role: 'build', cut: false, ofLockfile: false, approved: false },
  operations: [{ action: 'git:push', connection: 'git', path: 'octo/app', ref: 'refs/heads/main' }],
  grants: [],
}

test('a run that was only refused is said to be there, with what it was refused', () => {
  const { message } = nothingToSuggest([refused], 'run_a')
  assert.match(message, /^the run run_a reached nothing, and was refused git:push .*octo\/app/)
  assert.match(message, /--with-refused/)
  assert.match(
    nothingToSuggest([refused], 'run_b').message,
    /no run, in the log, called run_b.*did you mean run_a\?/,
  )
})
