import assert from 'node:assert/strict'
import { chmodSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { openToOwner } from './writable.ts'

test('a workspace that a step closed is open to its owner again, and to nobody else', (t) => {
  const workspace = temporaryFolder(t)
  for (const [closed, open] of [
    [0, 0o700],
    [0o055, 0o755],
    [0o500, 0o700],
    [0o750, 0o750],
  ] as const) {
    chmodSync(workspace, closed)
    openToOwner(workspace)
    assert.equal(statSync(workspace).mode & 0o777, open)
  }
})
