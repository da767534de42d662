import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError } from '../lib/index.ts'
import { describeApproval, pollUntilAnswered } from './approval.ts'

const pending = {
  device_code: 'code',
  approval_id: 'apr_1',
  interval: 5,
  expires_in: 1750,
  verification_uri: 'https://mayfly.example.com/approvals/apr_1',
  approvers: '1 of managers (role release)',
  scope: 'release',
}
const session = { access_token: 'x', expires_in: 300, session_id: 'ses_1', run_id: 'run_1', scope: 'release' }

/** A supervisor whose server gives these answers, one after the other. */
function waiting(answers: (() => unknown)[], cancelAfter = Number.POSITIVE_INFINITY) {
  const slept: number[] = []
  const told: string[] = []
  const cancel = new AbortController()
  describeApproval(pending, (line) => told.push(line))
  const opening = pollUntilAnswered({
    pending,
    cancel: cancel.signal,
    async sleep(ms) {
      slept.push(ms / 1000)
      if (slept.length > cancelAfter) cancel.abort()
      cancel.signal.throwIfAborted()
    },
    api: {
      pollApproval: async () => answers.shift()?.() as never,
    },
  })
  return { opening, slept, told }
}

const notYet = (waitSeconds: number) => () => ({ waitSeconds })
const fails = (code: MayflyError['code']) => () => {
  throw new MayflyError(code, 'the server’s own sentence')
}

test('it says who can approve and where, and asks as often as the server lets it', async () => {
  const { opening, slept, told } = waiting([notYet(5), notYet(10), () => session])
  assert.equal(await opening, session)
  assert.deepEqual(slept, [5, 5, 10])
  const text = told.join('\n')
  assert.match(text, /apr_1, 30 min at most: 1 of managers/)
  assert.match(text, /https:\/\/mayfly\.example\.com\/approvals\/apr_1/)
  assert.match(text, /mayfly approve apr_1/)
})

test('a no, or too late, is the server’s sentence', async () => {
  await assert.rejects(waiting([notYet(5), fails('denied')]).opening, /own sentence/)
})

test('a server that does not answer is asked again, less often', async () => {
  const { opening, slept } = waiting([
    ...Array.from({ length: 5 }, () => fails('upstream_unreachable')),
    () => session,
  ])
  assert.equal(await opening, session)
  assert.deepEqual(slept, [5, 10, 20, 40, 60, 60])
})

test('it ends with its signal', async () => {
  await assert.rejects(waiting([notYet(5)], 1).opening, /nobody waits for approval apr_1 any more/)
})
