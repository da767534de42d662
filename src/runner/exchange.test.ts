import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError } from '../lib/index.ts'
import { ServerRefusal } from './api.ts'
import { exchangePatiently } from './exchange.ts'

const session = { access_token: 'x', expires_in: 300, session_id: 'ses_1', run_id: 'run_1', scope: 'build' }
const later =
  (seconds: number, status = 503) =>
  () => {
    throw new ServerRefusal(status, { detail: 'the issuer is asked again', request_id: 'req_1' }, seconds)
  }

/** A supervisor whose server gives these answers, one after the other; its clock moves by what it sleeps. */
function exchanging(answers: (() => unknown)[], cancelAfter = Number.POSITIVE_INFINITY) {
  const slept: number[] = []
  const told: string[] = []
  const tokens: string[] = []
  const cancel = new AbortController()
  let nowMs = 0
  const answer = exchangePatiently(
    {
      tell: (line) => told.push(line),
      cancel: cancel.signal,
      clock: { nowMs: () => nowMs },
      async sleep(ms) {
        slept.push(ms / 1000)
        nowMs += ms
        if (slept.length >= cancelAfter) cancel.abort()
        cancel.signal.throwIfAborted()
      },
      api: {
        exchange: async ({ identityToken }) => {
          tokens.push(identityToken)
          return answers.shift()?.() as never
        },
      },
    },
    { identityToken: 'token', roles: ['build'] },
  )
  return { answer, slept, told, tokens }
}

test('a server that asks to come again is asked again with the same token, and each wait is a line', async () => {
  const { answer, slept, told, tokens } = exchanging([later(7), later(10), () => session])
  assert.equal(await answer, session)
  assert.deepEqual(slept, [7, 10])
  assert.deepEqual(tokens, ['token', 'token', 'token'])
  assert.deepEqual(told, [
    'the issuer is asked again (req_1): trying again in 7 s',
    'the issuer is asked again (req_1): trying again in 10 s',
  ])
})

test('it waits a minute in all, and no more', async () => {
  const { answer, slept } = exchanging(Array.from({ length: 20 }, () => later(10)))
  await assert.rejects(answer, /is asked again/)
  assert.equal(slept.length, 6)
  const tooLong = exchanging([later(3_600)])
  await assert.rejects(tooLong.answer, /is asked again/)
  assert.deepEqual(tooLong.slept, [])
})

test('nothing else is asked again: another status, another fault', async () => {
  for (const fault of [
    later(1, 400),
    () => {
      throw new MayflyError('upstream_unreachable', 'no answer')
    },
  ]) {
    const { answer, slept } = exchanging([fault, () => session])
    await assert.rejects(answer, MayflyError)
    assert.deepEqual(slept, [])
  }
})

test('ctrl-c ends the wait', async () => {
  await assert.rejects(exchanging([later(5), () => session], 1).answer, { name: 'AbortError' })
})
