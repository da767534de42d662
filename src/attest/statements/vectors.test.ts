import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkReceipt, openTrustDocument, readStatement, verifyBundle } from '../verify/index.ts'
import { aStep, provenIn } from './receipt.fixture.ts'
import { encodeStatement, provenanceOf, receiptOf } from './index.ts'
import { patched, wrongReceipts, type WrongReceipt } from './wrong-receipts.fixture.ts'

const folder = join(import.meta.dirname, '../../../test/fixtures/attest')
const read = (name: string) => readFileSync(join(folder, name), 'utf8')
const logKey = read('audit-log.vkey')

test('the vectors that others write checkers by hold, and say what is built today', async () => {
  const trust = openTrustDocument(read('trust.json'), [read('root.pem')])
  assert.ok(trust.ok, trust.ok ? '' : trust.detail)
  const built = { receipt: receiptOf(aStep, provenIn()), provenance: provenanceOf(aStep) }
  for (const [name, statement] of Object.entries(built)) {
    assert.ok(statement !== undefined)
    const verified = verifyBundle(read(`${name}.sigstore.json`), trust.trust)
    assert.ok(verified.ok, verified.ok ? '' : verified.detail)
    assert.equal(Buffer.from(verified.statementBytes ?? []).toString(), read(`${name}.statement.json`))
    // If this differs the format has changed: describe it in docs/attestations.md, and make the vectors anew.
    assert.equal(Buffer.from(encodeStatement(statement)).toString(), read(`${name}.statement.json`))
  }
  const checked = await checkReceipt(readStatement(Buffer.from(read('receipt.statement.json'))), { logKey })
  assert.ok(checked.ok, JSON.stringify(checked))
})

test('each wrong one is wrong for the reason that is written down', async () => {
  const receipt = readStatement(Buffer.from(read('receipt.statement.json')))
  const wrong = JSON.parse(read('wrong.json')) as WrongReceipt[]
  assert.deepEqual(wrong, JSON.parse(JSON.stringify(wrongReceipts(receipt))))
  for (const { name, reason, patch } of wrong) {
    const checked = await checkReceipt(patched(receipt, patch[0]), { logKey })
    assert.equal(checked.ok ? 'right' : checked.reason, reason, name)
  }
})
