import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { MayflyError } from '../lib/index.ts'
import { keepRenewed } from './renewal.ts'

/** A token of 300 s whose server gives these answers; time is the test's. */
function setup(t: { after(done: () => void): void }, answers: (() => number)[]) {
  mock.timers.enable({ apis: ['setTimeout'] })
  const clock = { ms: 0, nowMs: () => clock.ms }
  const grant = { access_token: 'token-0', expires_in: 300 }
  const learned: string[] = []
  const asked: { token: string; second: number }[] = []
  const renewal = keepRenewed({
    clock,
    grant,
    learn: (token) => void learned.push(token),
    api: {
      async renew(token) {
        asked.push({ token, second: clock.ms / 1000 })
        const expires_in = answers.shift()?.() ?? 300
        return { access_token: `token-${asked.length}`, expires_in }
      },
    },
  })
  t.after(() => {
    renewal.stop()
    mock.timers.reset()
  })
  return {
    grant,
    asked,
    learned,
    renewal,
    async pass(seconds: number) {
      for (let i = 0; i < seconds; i++) {
        clock.ms += 1000
        mock.timers.tick(1000)
        await new Promise((next) => setImmediate(next))
      }
    },
  }
}

const refuses = (code: MayflyError['code']) => () => {
  throw new MayflyError(code, 'no')
}

test('the token is renewed in place at half of its life, with the newest one', async (t) => {
  const { grant, asked, learned, pass } = setup(t, [])
  await pass(310)
  assert.deepEqual(asked, [
    { token: 'token-0', second: 150 },
    { token: 'token-1', second: 300 },
  ])
  assert.equal(grant.access_token, 'token-2')
  assert.deepEqual(learned, ['token-1', 'token-2'])
})

test('it stops when the role’s limit is reached, and when it is told to', async (t) => {
  const limited = setup(t, [() => 300, () => 150])
  await limited.pass(1000)
  assert.equal(limited.asked.length, 2)
  mock.timers.reset()
  const stopped = setup(t, [])
  stopped.renewal.stop()
  await stopped.pass(400)
  assert.equal(stopped.asked.length, 0)
})

test('a server that does not answer is asked again until the token has ended; one that refuses is not', async (t) => {
  const down = setup(
    t,
    Array.from({ length: 1000 }, () => refuses('upstream_unreachable')),
  )
  await down.pass(1000)
  assert.equal(down.asked.length, 31)
  assert.equal(down.asked.at(-1)?.second, 300)
  mock.timers.reset()
  const revoked = setup(t, [refuses('revoked')])
  await revoked.pass(400)
  assert.equal(revoked.asked.length, 1)
})
