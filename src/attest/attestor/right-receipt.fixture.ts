import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { delivered } from '../../broker/broker.fixture.ts'
import { receiptOf } from '../statements/index.ts'
import { checkReceipt, readStatement } from '../verify/index.ts'
import type { AttestWorld } from './attestor.fixture.ts'
import type { AttestorDeps } from './index.ts'
import { logKey } from './over.fixture.ts'

/** Receipts as they are really made and checked, and nothing else. */
export const receiptsAlone: AttestorDeps['statements'] = {
  provenanceOf: () => undefined,
  sbomOf: () => undefined,
  receiptOf,
  checkReceipt,
}

/** The receipt of a step that has ended, and what whoever gets it finds by the entries in it. */
export async function rightReceipt(t: TestContext, world: AttestWorld, stepId: string) {
  await delivered(world.it)
  const attestor = world.another({ statements: receiptsAlone })
  t.after(() => attestor.close())
  const receipt = await attestor.receipt(stepId, 5_000)
  assert.ok(typeof receipt === 'object' && 'bundle' in receipt, JSON.stringify(receipt))
  const { statement } = JSON.parse(receipt.bundle) as {
    statement: {
      predicate: Readonly<Record<'approvals' | 'credentials', readonly Record<string, unknown>[]>>
    }
  }
  const checked = await checkReceipt(readStatement(Buffer.from(JSON.stringify(statement))), {
    logKey: logKey.verifierKey,
  })
  assert.ok(checked.ok, JSON.stringify(checked))
  return { predicate: statement.predicate, checked }
}
