import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isWhole } from '../whole.ts'
import { imageRows } from './image.ts'
import { ask, missingOf, nameOf, questions } from './table.ts'

// The fast form of `npm run verifiers`: those that need nothing built.
for (const { verifier, one } of await questions()) {
  if (!isWhole && (verifier.isPeer || one.isSlow === true)) continue
  test(nameOf(verifier, one), { skip: missingOf(verifier) ?? false }, async () => {
    const { ok, note } = await ask(verifier, one)
    assert.ok(ok, note)
  })
}

test('images in a registry, by cosign', { skip: !isWhole && 'npm run test:whole' }, async () => {
  for (const { name, ok, note } of await imageRows()) assert.ok(ok, `${name}: ${note}`)
})
