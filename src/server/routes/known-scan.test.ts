import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { anna, openServer, policyText } from '../server.fixture.ts'

const value = `tok_${randomBytes(27).toString('base64url')}`

async function setup(t: TestContext) {
  const it = await openServer(t, { policy: policyText(), secrets: { deploy: value } })
  const made = async (scopes: readonly string[]) => {
    const { body } = await it.asAdmin('POST', '/v1/tokens', {
      name: scopes.join(),
      scopes,
      expires_in: 36_000,
    })
    return `Bearer ${String(body['token'])}`
  }
  const authorization = await made(['secret:scan'])
  const ask = (bytes: string | Buffer, file = 'src/app.env', as = authorization) =>
    it.call('POST', `/v1/scan/known?file=${encodeURIComponent(file)}`, {
      headers: { authorization: as, 'content-type': 'application/octet-stream' },
      bytes: Buffer.from(bytes),
    })
  const entries = () => it.audit.entries.filter(({ type }) => type.startsWith('scan.'))
  return { it, ask, made, entries }
}

test('an operator with the scope is told whose it is and where, once the log has it; nobody else is', async (t) => {
  const { ask, made, entries, it } = await setup(t)
  const text = `# ours\nTOKEN=${value}\n`
  const { status, body } = await ask(text)
  assert.equal(status, 200, JSON.stringify(body))
  const { places, whole } = body as { places: Record<string, unknown>[]; whole: boolean }
  assert.equal(whole, true)
  assert.partialDeepStrictEqual(places, [{ start: 13, end: 13 + value.length, secret: 'deploy', version: 1 }])
  assert.ok(!JSON.stringify(body).includes(value.slice(0, 8)))
  const [asked, known] = entries()
  assert.partialDeepStrictEqual(
    [asked, known],
    [
      { type: 'scan.asked', data: { bytes: text.length } },
      { type: 'scan.known', data: { file: 'src/app.env', secrets: [{ secret: 'deploy', version: 1 }] } },
    ],
  )
  assert.ok(!JSON.stringify(entries()).includes(value.slice(0, 8)))
  // The same again is told, and is no news to the log; of another file it is.
  assert.equal((await ask(text)).status, 200)
  assert.equal(entries().length, 2)
  await ask(text, 'other.env')
  assert.equal(entries().length, 3)
  it.clock.aheadMs += 3_600_001
  assert.deepEqual((await ask('nothing here at all')).body, { places: [], whole: true })
  assert.partialDeepStrictEqual(entries()[3], { type: 'scan.asked', data: { bytes: 2 * text.length + 19 } })
  // What a scan by a person finds starts nothing by itself.
  assert.deepEqual(
    it.audit.entries.filter(({ type }) => type.includes('compromised')),
    [],
  )
  const reader = await made(['secret:read'])
  assert.match(String((await ask(text, 'x', reader)).body['detail']), /lacks the scope secret:scan/)
  assert.equal((await ask(text, 'x', '')).status, 401)
  assert.equal((await it.asPerson(anna, 'POST', '/v1/scan/known', {})).status, 403)
})

test('who sends what begins as a secret does, over and over, waits; what is too much is refused', async (t) => {
  const { ask } = await setup(t)
  const beginnings = `${value.slice(0, -1)} ${value.slice(1)} `.repeat(8_000).slice(0, 900_000)
  const answers = []
  for (let i = 0; i < 4; i++) answers.push(await ask(beginnings))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 429],
  )
  assert.equal(answers[0]?.body['whole'], false)
  assert.match(answers[3]?.headers.get('retry-after') ?? '', /^\d+$/)
  assert.equal((await ask(Buffer.alloc(1_048_577))).status, 413)
})

test('who tries guesses waits, however few of them are in each text; what is found is no guess', async (t) => {
  const { ask, it } = await setup(t)
  let guess = 0
  const guesses = (count: number) =>
    Array.from({ length: count }, () => `${value.slice(0, -6)}${String(guess++).padStart(6, '-')}`).join('\n')
  const answers = []
  for (let i = 0; i < 40; i++) answers.push(await ask(guesses(100)))
  const refused = answers.filter(({ status }) => status === 429)
  assert.ok(answers.slice(0, 5).every(({ status, body }) => status === 200 && body['whole'] === true))
  // 4,000 tries, of which 2,000 a minute are taken, and what comes by chance is not counted.
  assert.ok(refused.length >= 15, String(refused.length))
  const seconds = Number(refused.at(-1)?.headers.get('retry-after'))
  assert.ok(seconds > 0 && seconds <= 60, String(seconds))
  it.clock.aheadMs += 60_000
  for (let i = 0; i < 20; i++) assert.equal((await ask(`TOKEN=${value}\n`.repeat(200))).status, 200)
})

test('a log that does not take the entry: nothing is told, and it is asked again', async (t) => {
  const { ask, entries, it } = await setup(t)
  it.audit.down = true
  const { status, body } = await ask(value)
  assert.equal(status, 503)
  assert.equal(body['places'], undefined)
  it.audit.down = false
  assert.equal((await ask(value)).status, 200)
  assert.deepEqual(
    entries().map(({ type }) => type),
    ['scan.asked', 'scan.known'],
  )
})
