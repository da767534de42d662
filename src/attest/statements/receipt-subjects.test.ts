import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { checkReceipt, readStatement } from '../verify/index.ts'
import { encodeStatement, receiptOf } from './index.ts'
import { aStep, provenIn } from './receipt.fixture.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

test('of more files than the entry names, a subject with the name of a publication and another digest is not borne out', async () => {
  const artifacts = Array.from({ length: 150 }, (_, i) => ({
    ...{ path: `f${String(i).padStart(3, '0')}`, sha256: sha256(`x${i}`), bytes: 1 },
  }))
  const artifactsSha256 = sha256(artifacts.map((one) => `${one.sha256}  ${one.path}\n`).join(''))
  const { inputs: _, inputsSha256: __, ...reported } = aStep.reported
  const facts = { ...aStep, reported: { ...reported, artifacts, artifactsSha256, inputs: [] } }
  const first = artifacts.slice(0, 100)
  const proofs = provenIn(facts, (entries) =>
    entries.map((entry) => {
      if (entry.type !== 'step.finished') return entry
      const told = entry.data['reported'] as { artifacts: object }
      const cut = { ...told, artifacts: { ...told.artifacts, files: first } }
      return { ...entry, data: { ...entry.data, reported: cut } }
    }),
  )
  const receipt = receiptOf(facts, proofs)
  assert.ok(receipt !== undefined)
  const right = JSON.parse(Buffer.from(encodeStatement(receipt)).toString()) as { subject: object[] }
  const check = async (subject: readonly object[]) => {
    const statement = readStatement(Buffer.from(JSON.stringify({ ...right, subject })))
    assert.ok(statement !== undefined)
    const verdict = await checkReceipt(statement, { logKey: proofs.key })
    assert.ok(verdict.ok, JSON.stringify(verdict))
    return verdict.unproved.filter((place) => place.startsWith('subject['))
  }
  assert.deepEqual(await check(right.subject), [])
  const name = 'pkg:npm/%40octo/app@1.2.0'
  assert.ok(JSON.stringify(right.subject).includes(name), 'the step published one of that name')
  const forged = await check([...right.subject, { name, digest: { sha256: '5'.repeat(64) } }])
  assert.ok(forged.includes(`subject[${right.subject.length}]`), forged.join())
})
