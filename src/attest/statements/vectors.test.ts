import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  checkReceipt,
  judge,
  openTrustDocument,
  readStatement,
  verifyBundle,
  type ReceiptSigner,
} from '../verify/index.ts'
import { aFullLog, aFullStep, provenIn } from './receipt.fixture.ts'
import { encodeStatement, provenanceOf, receiptOf } from './index.ts'
import { reloggedReceipts, type Relogged } from './relogged.fixture.ts'
import type { SignedBy } from './vector-signers.fixture.ts'
import { patched, wrongReceipts, type WrongReceipt } from './wrong-receipts.fixture.ts'

const folder = join(import.meta.dirname, '../../../test/fixtures/attest')
const read = (name: string) => readFileSync(join(folder, name), 'utf8')
const logKey = read('audit-log.vkey')

test('the vectors that others write checkers by hold, and say what is built today', async () => {
  const trust = openTrustDocument(read('trust.json'), [read('root.pem')])
  assert.ok(trust.ok, trust.ok ? '' : trust.detail)
  const built = {
    receipt: receiptOf(aFullStep, provenIn(aFullStep, aFullLog)),
    provenance: provenanceOf(aFullStep),
  }
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

test('of a log that has something else of the step, each receipt is what is written down', async () => {
  const relogged = JSON.parse(read('relogged.json')) as Relogged[]
  assert.deepEqual(relogged, JSON.parse(JSON.stringify(reloggedReceipts())))
  for (const { name, reason, statement } of relogged) {
    const checked = await checkReceipt(readStatement(Buffer.from(JSON.stringify(statement))), { logKey })
    assert.equal(checked.ok ? 'right' : checked.reason, reason, name)
  }
})

test('a receipt is signed under Mayfly’s own root, by the certificate of the job that it is about', async () => {
  const statement = readStatement(Buffer.from(read('receipt.statement.json')))
  const trust = openTrustDocument(read('trust.json'), [read('root.pem')])
  assert.ok(trust.ok)
  const verified = verifyBundle(read('receipt.sigstore.json'), trust.trust)
  assert.ok(verified.ok && verified.signer.kind === 'certificate')
  const { signer } = verified
  const verdict = async (by: ReceiptSigner) => {
    const checked = await checkReceipt(statement, { logKey, by })
    return checked.ok ? 'right' : checked.reason
  }
  const as = (fields: object): ReceiptSigner => ({
    ...{ own: true, signer: { ...signer, identity: { ...signer.identity, ...fields } } },
  })
  assert.equal(await verdict({ signer, own: true }), 'right')
  assert.equal(await verdict({ signer: { kind: 'key', keyId: 'x' }, own: true }), 'right')
  assert.equal(await verdict({ signer, own: false }), 'other_signer')
  assert.equal(await verdict(as({ issuer: 'https://evil.test' })), 'other_signer')
  assert.equal(await verdict(as({ claims: { sourceRepositoryIdentifier: '1' } })), 'other_signer')
})

test('of each bundle that holds, whether its certificate may say what it says is written down', async () => {
  const trust = openTrustDocument(read('trust.json'), [read('root.pem')])
  assert.ok(trust.ok)
  for (const { name, what, reason, bundle } of JSON.parse(read('signers.json')) as SignedBy[]) {
    const verified = verifyBundle(bundle, trust.trust)
    assert.ok(verified.ok && verified.statement !== undefined, name)
    const { signer, statement } = verified
    const digest = `sha256:${statement.subject[0]?.digest['sha256']}`
    const predicate = what === 'receipt' ? ['receipt'] : ['provenance']
    const judged = judge([verified], digest, { predicate }, { nowMs: verified.timeMs, own: () => true })
    if (reason === 'right') assert.deepEqual(judged, { ok: true, by: verified }, name)
    else assert.match(judged.ok ? 'right' : judged.missing.join(), /^other_signer: /, name)
    if (what === 'provenance') continue
    const checked = await checkReceipt(statement, { logKey, by: { signer, own: true } })
    assert.equal(checked.ok ? 'right' : checked.reason, reason, name)
  }
})
