import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWhole } from '../whole.ts'
import { ask, missingOf, nameOf, questions } from './table.ts'

// The fast form of `npm run verifiers`: those that need nothing built.
for (const { verifier, one } of await questions()) {
  if (!isWhole && (verifier.isPeer || one.isSlow === true)) continue
  test(nameOf(verifier, one), { skip: missingOf(verifier) ?? false }, async () => {
    const { ok, note } = await ask(verifier, one)
    assert.ok(ok, note)
  })
}
