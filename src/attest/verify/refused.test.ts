import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTrustedRoot, verifyBundle } from './index.ts'
import { oracleTakes } from './oracle.fixture.ts'
import { refusedCases } from './refused.fixture.ts'
import { createWorld } from './world.fixture.ts'

const cases = await refusedCases(await createWorld(), await createWorld())

for (const { name, reason, bundle, root, oracleTakes: why } of cases)
  test(`refused: ${name}`, () => {
    const verdict = verifyBundle(bundle, parseTrustedRoot(root))
    assert.deepEqual([verdict.ok, !verdict.ok && verdict.reason], [false, reason], JSON.stringify(verdict))
    assert.equal(oracleTakes(bundle, root), why !== undefined, why ?? 'the oracle takes it')
  })
