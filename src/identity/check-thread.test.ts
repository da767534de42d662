import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { MayflyError } from '../lib/index.ts'
import { startCheckThread } from './check-thread.ts'
import { checksHere, type Checks } from './checks.ts'
import { parseCompactToken } from './compact-token.ts'
import { createProofSigner } from './index.ts'
import { githubClaims, makeKey, signRaw, startMs } from './issuer.fixture.ts'

const startSeconds = startMs / 1000

function threadOf(t: TestContext, entry?: URL) {
  const thread = startCheckThread(entry)
  t.after(() => thread.close())
  return thread
}

function failed(message: RegExp) {
  return (error: unknown) =>
    error instanceof MayflyError && error.code === 'thread_failed' && message.test(error.message)
}

/** A thread that dies of one proof and has an answer to every other. */
const mortal = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads'
    parentPort.on('message', (questions) => {
      if (questions.some(({ asked }) => asked[0] === 'throw')) throw new Error('out of order')
      if (questions.some(({ asked }) => asked[0] === 'exit')) process.exit(0)
      if (questions.some(({ asked }) => asked[0] === 'wait')) return
      parentPort.postMessage(questions.map(({ id }) => ({ id, found: { ok: false, detail: 'asked' } })))
    })`)}`,
)

test('the thread says what is said in place, each answer to its own question', async (t) => {
  const [rsa, ec, stranger] = [makeKey('rsa', 'RS256'), makeKey('ec'), makeKey('ec')]
  const jwks = JSON.stringify({ keys: [rsa.jwk, ec.jwk] })
  const claims = JSON.stringify(githubClaims())
  const signer = await createProofSigner({ clock: { nowMs: () => startMs } })
  const good = await signer.sign({ method: 'POST', uri: 'https://mayfly.example.com/oauth/token' })
  const { kid: _, use: __, alg: ___, ...jwk } = ec.jwk
  const noPoint = { ...jwk, y: jwk.x }
  const proofs = [
    good,
    `${good.slice(0, -4)}AAAA`,
    good.split('.').slice(0, 2).join('.'),
    '',
    signRaw(ec, '{"jti":"j"}', { typ: 'dpop+jwt', kid: undefined, jwk }),
    signRaw(ec, '{"jti":"j"}', { typ: 'dpop+jwt', kid: undefined, jwk: noPoint }),
    signRaw(ec, '[]', { typ: 'dpop+jwt', kid: undefined, jwk: { ...jwk, d: 'x' } }),
  ]
  const signed = (token: string) => {
    const read = parseCompactToken(token)
    assert.ok(read.ok)
    return read.signed
  }
  const tokens = [
    signed(signRaw(rsa, claims)),
    signed(signRaw(ec, claims)),
    signed(signRaw(stranger, claims)),
    signed(signRaw(ec, claims, { kid: 'nobody' })),
    signed(signRaw(ec, claims, { kid: undefined })),
    { ...signed(signRaw(ec, claims)), alg: 'RS256' as const },
    { ...signed(signRaw(ec, claims)), signature: '' },
    { ...signed(signRaw(ec, claims)), input: '' },
  ]
  const ask = (checks: Checks) =>
    Promise.all([
      ...[...proofs, ...proofs].map((proof) => checks.proof(proof, startSeconds, 60)),
      ...[...tokens, ...tokens].map((token) => checks.token(token, jwks)),
      ...proofs.toReversed().map((proof) => checks.proof(proof, startSeconds + 3600, 60)),
      ...tokens.map((token) => checks.token(token, '{"keys":[]}')),
    ])
  const [there, here] = [await ask(threadOf(t)), await ask(checksHere)]
  assert.deepEqual(there, here)
  assert.equal(
    here.filter((one) => one.ok).length,
    9,
    'three good tokens twice, and a good proof whenever it is read',
  )
})

test('a thread that dies rejects what waits for it, and the next question starts another', async (t) => {
  const thread = threadOf(t, mortal)
  for (const [last, why] of [
    ['throw', /out of order; try again/],
    ['exit', /ended; try again/],
  ] as const) {
    const waiting = thread.proof('wait', 0, 0)
    const said = assert.rejects(waiting, failed(why))
    await new Promise((next) => setTimeout(next, 10))
    await assert.rejects(thread.proof(last, 0, 0), failed(why))
    await said
    assert.deepEqual(await thread.proof('x', 0, 0), { ok: false, detail: 'asked' })
  }
})

test('a thread that cannot start: every question is rejected, none is lost', async (t) => {
  const thread = threadOf(t, new URL('./there-is-no-such-file.ts', import.meta.url))
  for (let i = 0; i < 3; i++) await assert.rejects(thread.proof('x', 0, 0), failed(/no-such-file/))
})

test('closed: what waits and what comes later is rejected', async (t) => {
  const thread = threadOf(t, mortal)
  const waiting = [thread.proof('wait', 0, 0), thread.proof('wait', 0, 0)]
  const said = waiting.map((one) => assert.rejects(one, failed(/stopped/)))
  await thread.close()
  await Promise.all(said)
  await assert.rejects(thread.proof('x', 0, 0), failed(/stopping/))
  await thread.close()
})
