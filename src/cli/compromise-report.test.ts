import assert from 'node:assert/strict'
import { test } from 'node:test'
import { versionIn } from './compromise-report.ts'

test('the version of a secret that a lease was made from: of its own, of its issuer’s and of its client certificate’s', () => {
  const minted = { secrets: ['ca', 'admin'], secretVersions: { ca: 6, admin: 2 } }
  assert.deepEqual([versionIn(minted, 'ca'), versionIn(minted, 'admin')], [6, 2])
  const kept = { secret: 'npm', secretVersion: '4', clientKey: 'tls', secretVersions: { tls: 1 } }
  assert.deepEqual([versionIn(kept, 'npm'), versionIn(kept, 'tls')], [4, 1])
  // It may be of any version then, and is shown.
  for (const data of [
    { secrets: ['ca'] },
    { secret: 'ca', secretVersion: 'abc' },
    { secret: 'x', secretVersion: '9' },
  ])
    assert.equal(versionIn(data, 'ca'), 0)
  assert.equal(versionIn({ secretVersions: {} }, 'constructor'), 0)
})
