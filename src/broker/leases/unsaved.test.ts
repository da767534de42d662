import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUnsaved } from './unsaved.ts'

test('what cannot be written of one lease keeps nothing of another unwritten; of one the order stays', async () => {
  const unsaved = createUnsaved()
  const written: string[] = []
  const failing = new Set(['a', 'b'])
  const write = (lease: string, what: string) =>
    unsaved.write(lease, async () => {
      if (failing.has(lease)) throw new Error(`${what}: full`)
      written.push(what)
    })
  for (const what of ['a1', 'a2', 'b1']) await assert.rejects(write(what.slice(0, 1), what), /full/)
  failing.delete('b')
  await assert.rejects(unsaved.again(), /a1: full/)
  assert.deepEqual(written, ['b1'])
  failing.clear()
  await unsaved.again()
  await unsaved.again()
  assert.deepEqual(written, ['b1', 'a1', 'a2'])
})
