import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Step } from '../broker/index.ts'
import type { StepId } from '../lib/index.ts'
import type { ScanStream } from './content-scanner.ts'
import { createStepStreams } from './step-streams.ts'

const step = (id: string) => ({ id: id as StepId }) as Step
const nothing = { findings: [], more: 0, sureMore: 0, unseen: [], keys: [], candidates: [], spans: [] }

/** Counts what is open. */
function setup() {
  const open = new Set<ScanStream>()
  const stream = (): ScanStream => {
    const one: ScanStream = {
      write: async () => undefined,
      async end() {
        open.delete(one)
        return nothing
      },
      leave: () => void open.delete(one),
    }
    open.add(one)
    return one
  }
  const streams = createStepStreams({
    ...{ scan: async () => nothing, stream },
    ...{ forget: () => undefined, close: async () => undefined },
  })
  const many = (id: string, count: number) =>
    Array.from({ length: count }, () => streams.of(step(id)).stream('layer'))
  return { open, streams, many }
}

test('what a step has begun and not ended is left when it ends, and nobody else loses anything', () => {
  const { open, streams, many } = setup()
  many('one', 32)
  many('two', 3)
  streams.end('one' as StepId)
  assert.equal(open.size, 3)
  streams.end('none' as StepId)
  assert.equal(many('one', 32).length, 32)
})

test('a step has some places, and each that is ended or left is free again', async () => {
  const { open, many } = setup()
  const [first, second] = many('one', 32)
  assert.throws(() => many('one', 1), /layer: the step sends more than 32 files at once/)
  await first?.end()
  second?.leave()
  many('one', 2)
  assert.throws(() => many('one', 1), /more than 32/)
  assert.equal(open.size, 32)
})

test('of what was left when its step ended nobody is told that nothing was found', async () => {
  const { streams, many } = setup()
  const [before, during] = many('one', 2)
  const ending = during?.end()
  streams.end('one' as StepId)
  await assert.rejects(async () => before?.end(), /layer did not come to its end: the step has ended/)
  await assert.rejects(async () => ending, /layer did not come to its end/)
})
