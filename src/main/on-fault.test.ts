import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultExitCode, onFault } from './on-fault.ts'

function open(end: () => Promise<void>) {
  const told: string[] = []
  const exited = Promise.withResolvers<number>()
  return { told, exited: exited.promise, fault: onFault((text) => told.push(text), end, exited.resolve) }
}

test('an error that nobody caught is told in full, everything is ended, and the process exits with 70', async () => {
  let ended = 0
  const { told, exited, fault } = open(async () => void ended++)
  fault(new Error('a mistake of ours'))
  fault(new Error('another'))
  assert.equal(await exited, faultExitCode)
  assert.equal(ended, 1)
  assert.match(told[0] ?? '', /a mistake of ours\n[\s\S]*on-fault\.test\.ts/)
  assert.match(told[1] ?? '', /another/)
})

test('it exits, too, where what should be ended cannot be', async () => {
  const { told, exited, fault } = open(() => Promise.reject(new Error('the disk is gone')))
  fault('not even an error')
  assert.equal(await exited, faultExitCode)
  assert.match(told.join('\n'), /not even an error[\s\S]*the disk is gone/)
})
