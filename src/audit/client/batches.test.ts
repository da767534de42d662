import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MayflyError } from '../../lib/index.ts'
import type { Receipt } from '../verify/index.ts'
import { createBatches, type Waiting } from './batches.ts'
import type { PreparedEntry } from './event.ts'

const entry = (id: string) => ({ json: `"${id}"`, jsonBytes: id.length + 2, leafHash: id }) as PreparedEntry
const turn = () => new Promise((next) => setImmediate(next))

/** Batches whose sender answers when it is told to. */
function setup() {
  const sent: { ids: string[]; answer: (fault?: string) => void }[] = []
  const send = (batch: readonly Waiting[]) =>
    new Promise<string | undefined>((resolve) =>
      sent.push({
        ids: batch.map((one) => one.leafHash),
        answer(fault) {
          if (fault === undefined)
            for (const [index, one] of batch.entries()) one.resolve({ index } as Receipt)
          resolve(fault)
        },
      }),
    )
  return { sent, batches: createBatches({ send, giveUpMs: 60_000, maxWaiting: 1000 }) }
}

test('two batches are under way, and the next collects until one of them is answered', async () => {
  const { sent, batches } = setup()
  const adds = ['a', 'b', 'c', 'd'].map(async (id) => {
    await turn()
    return batches.add(entry(id))
  })
  await turn()
  adds.push(batches.add(entry('e')))
  for (let i = 0; i < 5; i++) await turn()
  assert.equal(sent.length, 2)
  sent[1]?.answer()
  await turn()
  assert.equal(sent.length, 3)
  assert.deepEqual(sent.flatMap(({ ids }) => ids).toSorted(), ['a', 'b', 'c', 'd', 'e'])
  sent[0]?.answer()
  sent[2]?.answer()
  await Promise.all(adds)
  await batches.drain()
  assert.equal(sent.length, 3)
})

test('a batch without an answer is sent again, in its order, and nothing of it twice', async () => {
  const { sent, batches } = setup()
  const adds = [batches.add(entry('a')), batches.add(entry('b'))]
  await turn()
  sent[0]?.answer('no answer')
  while (sent.length < 2) await turn()
  assert.deepEqual(sent[1]?.ids, ['a', 'b'])
  sent[1]?.answer()
  await Promise.all(adds)
  await batches.drain()
})

test('too many that wait: refused, and room again once there are answers', async () => {
  const sent: (() => void)[] = []
  const send = (batch: readonly Waiting[]) =>
    new Promise<undefined>((resolve) =>
      sent.push(() => {
        for (const one of batch) one.resolve({ index: 0 } as Receipt)
        resolve(undefined)
      }),
    )
  const batches = createBatches({ send, giveUpMs: 60_000, maxWaiting: 2 })
  const adds = [batches.add(entry('a')), batches.add(entry('b'))]
  await assert.rejects(
    batches.add(entry('c')),
    (error) => error instanceof MayflyError && error.code === 'audit_unavailable',
  )
  await turn()
  for (const answer of sent) answer()
  await Promise.all(adds)
  const again = batches.add(entry('d'))
  await turn()
  sent.at(-1)?.()
  await again
})

test('however adding and answering mix, every entry is sent and answered once', async () => {
  const steps = fc.array(fc.constantFrom('add', 'answer', 'turn', 'breath'), { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(steps, async (plan) => {
      const { sent, batches } = setup()
      const adds: Promise<Receipt>[] = []
      let answered = 0
      for (const step of plan) {
        if (step === 'add') adds.push(batches.add(entry(`e${adds.length}`)))
        if (step === 'answer' && answered < sent.length) sent[answered++]?.answer()
        if (step === 'turn') await turn()
        if (step === 'breath') await Promise.resolve()
        assert.ok(sent.length - answered <= 2)
      }
      const all = Promise.all(adds).then(() => 'all')
      let outcome: string | undefined
      while (outcome === undefined) {
        while (answered < sent.length) sent[answered++]?.answer()
        outcome = await Promise.race([all, turn().then(() => undefined)])
      }
      await batches.drain()
      assert.deepEqual(sent.flatMap(({ ids }) => ids).toSorted(), adds.map((_, i) => `e${i}`).toSorted())
    }),
    { numRuns: 300 },
  )
})
