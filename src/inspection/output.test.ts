import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import type { Step } from '../broker/index.ts'
import { policySchema } from '../config/index.ts'
import { systemClock } from '../lib/index.ts'
import { compileScan } from '../policy/scan.ts'
import { createKnownSecrets, fingerprintsOf, keysOf } from '../scan/known/index.ts'
import { builtInRules, fillTemplate, seededRandom } from '../scan/rules/index.ts'
import { createOutputInspection, createResponse, createScanThreads } from './index.ts'
import type { Owner } from './vault-secrets.ts'

const token = `tok_${randomBytes(27).toString('base64url')}`
const keys = keysOf(randomBytes(32))

function setup(t: TestContext, scan?: object) {
  const known = createKnownSecrets<Owner>(keys)
  known.add('secret 1 deploy', { kind: 'secret', secret: 'deploy', version: 1 }, fingerprintsOf(token, keys))
  const scanner = createScanThreads({ clock: systemClock })
  t.after(() => scanner.close())
  const entries: { type: string; data: Record<string, unknown> }[] = []
  const compromised: string[] = []
  const ended: string[] = []
  const log = { isDown: false }
  const rules = compileScan(policySchema.shape.scan.parse(scan), undefined)
  const output = createOutputInspection({
    policy: () => ({ roles: new Map([['build', { scan: rules }]]) }) as never,
    secrets: {
      known: () => known,
      sweep: async () => undefined,
      forget: () => undefined,
      given: () => undefined,
    },
    scanner,
    outbox: {
      async write(work) {
        if (log.isDown) throw new Error('the log is down')
        return work(undefined as never, (all) => void entries.push(...(all as typeof entries)))
      },
    },
    response: createResponse({
      async compromise(secret) {
        compromised.push(secret)
        return { state: 'begun', ended: [] }
      },
      revokeLease: () => Promise.reject(new Error('none was given')),
    }),
    endStep: async (_, reason) => void ended.push(reason),
    clock: systemClock,
  })
  const step = {
    ...{ id: 'stp_1', role: 'build', name: 'tests' },
    session: { id: 'ses_1', runId: 'run_1', subject: { issuer: 'github', attributes: {} } },
  } as unknown as Step
  let offset = 0
  const pieces: Buffer[] = []
  let said: string | undefined
  return {
    entries,
    compromised,
    ended,
    unseen: () => said,
    end: () => output.stepEnded(step),
    close: () => scanner.close(),
    log,
    writeFile: async (text: string) =>
      (await output.lookAtFile(step, 'GITHUB_OUTPUT', Buffer.from(text))).spans,
    look: (at: number, text: string) => output.look(step, at, Buffer.from(text)),
    async write(text: string | Buffer) {
      const bytes = Buffer.from(text)
      pieces.push(bytes)
      const { spans, unseen } = await output.look(step, offset, bytes)
      said = unseen
      offset += bytes.length
      const all = Buffer.concat(pieces)
      return spans.map(({ from, to }) => all.toString('utf8', from, to))
    },
  }
}

test('a secret in what a step writes is said by its place, also where two pieces cut it; recorded once, and answered', async (t) => {
  const it = setup(t)
  assert.deepEqual(await it.write('mayfly-log/1 ...\n1 o 6\nhello\n'), [])
  assert.deepEqual(await it.write(`2 o 60\nusing ${token}\n`), [token])
  assert.deepEqual([it.entries.length, it.compromised], [1, ['deploy']])
  assert.partialDeepStrictEqual(it.entries[0]?.data, { place: 'output', what: 'tests', outcome: 'masked' })
  assert.ok(!JSON.stringify(it.entries).includes(token.slice(0, 12)))
  // What has been said is not recorded again.
  await it.write(`3 o 60\nusing ${token}\n`)
  assert.equal(it.entries.length, 1)
  const cut = setup(t)
  assert.deepEqual(await cut.write(`using ${token.slice(0, 15)}`), [])
  assert.deepEqual(await cut.write(token.slice(15)), [token])
})

test('a role that only records has it recorded; one that says off is not looked at', async (t) => {
  const recorded = setup(t, { output: 'record' })
  assert.deepEqual(await recorded.write(`using ${token}\n`), [])
  assert.equal(recorded.entries[0]?.data['outcome'], 'passed')
  const off = setup(t, { output: 'off' })
  assert.deepEqual([await off.write(`using ${token}\n`), off.entries], [[], []])
})

const template =
  builtInRules.find(({ id }) => id === 'github-personal-access-token')?.examples.positive[0] ?? ''
const secretOf = (i: number) => /ghp_\w{36}/.exec(fillTemplate(template, seededRandom(i)))?.[0] ?? ''
const exported = (i: number) => `export ACME_API_TOKEN=${secretOf(i)}\n`
const outcomes = (it: ReturnType<typeof setup>) => it.entries.map(({ data }) => data['outcome'])

test('of many secrets in one piece each is masked, those that nobody lists, too', async (t) => {
  const it = setup(t)
  const many = Array.from({ length: 300 }, (_, i) => i)
  const masked = new Set(await it.write(`${many.map(exported).join('')}using ${token}\n`))
  assert.deepEqual(
    many.filter((i) => !masked.has(secretOf(i))),
    [],
  )
  assert.ok(masked.has(token))
  assert.deepEqual(it.compromised, ['deploy'])
})

test('of more than a runner masks it is not said that they were masked, and what is ours is masked first', async (t) => {
  const it = setup(t)
  const many = Array.from({ length: 1_050 }, (_, i) => exported(i)).join('')
  const masked = await it.write(`${many}using ${token}\n`)
  assert.equal(masked.length, 1_000)
  assert.equal(masked[0], token)
  assert.deepEqual([outcomes(it), it.compromised], [['passed'], ['deploy']])
})

for (const [what, beginning] of Object.entries({
  gzip: Buffer.from('1f8b0800010203040506070a', 'hex'),
  'a zip': Buffer.from('PK\u0003\u0004\n'),
  'names that NUL ends': Buffer.from('./a\0./b\0\n'),
  'a mark of UTF-16': Buffer.from('fffe0a', 'hex'),
}))
  test(`output that begins as ${what} does is text, and what is found in it is masked`, async (t) => {
    const it = setup(t)
    const rest = Buffer.from(`${exported(1)}using ${token}\n`)
    const masked = await it.write(Buffer.concat([beginning, rest]))
    assert.ok(masked.some((text) => text.includes(secretOf(1))) && masked.includes(token), masked.join())
    assert.deepEqual([outcomes(it), it.compromised], [['masked'], ['deploy']])
  })

test('that output could not be looked at is recorded, once for each step', async (t) => {
  const it = setup(t)
  await it.close()
  assert.deepEqual(await it.write(`using ${token}\n`), [])
  assert.deepEqual(await it.write(`using ${token}\n`), [])
  assert.equal(it.entries.length, 1)
  assert.partialDeepStrictEqual(it.entries[0], {
    type: 'scan.found',
    data: {
      ...{ place: 'output', what: 'tests', outcome: 'passed', secrets: [], findings: [] },
      ...{ unseen: 1, whyUnseen: ['the server is stopping'] },
    },
  })
})

test('what stands encoded in output is found, and not said to be masked, since it is not', async (t) => {
  const it = setup(t)
  const encoded = Buffer.from(`# settings\n${exported(1)}${exported(2)}`).toString('base64')
  assert.deepEqual(await it.write(`data: ${encoded}\n`), [])
  assert.deepEqual(outcomes(it), ['passed'])
})

test('noise takes no room of what is ours: what is not listed is masked and counted, at once, now and then, and at the end', async (t) => {
  const it = setup(t)
  const counted = () => it.entries.map(({ data }) => [data['outcome'], data['more']])
  const tokens = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => exported(from + i))
  for (let i = 0; i < 3; i++) await it.write(tokens(100 * i, 100 * i + 100).join(''))
  // An entry lists 40; of the third hundred there is only that they were there.
  const first = [60, 60, 100].map((more) => ['masked', more])
  assert.deepEqual([counted(), it.compromised], [first, []])
  await it.write(`using ${token}\n`)
  assert.deepEqual(it.compromised, ['deploy'])
  const { outcome, secrets } = it.entries.at(-1)?.data ?? {}
  assert.deepEqual([outcome, (secrets as { secret: string }[])[0]?.secret], ['masked', 'deploy'])
  const ours = [...first, ['masked', 0]]
  // Said again, nothing of it is new; later ones are masked, too, and counted at the end.
  assert.ok((await it.write(`${exported(299)}${exported(999)}using ${token}\n`)).includes(secretOf(999)))
  assert.deepEqual(counted(), ours)
  await it.write(tokens(300, 450).join(''))
  assert.deepEqual(counted(), [...ours, ['masked', 151]])
  await it.write(exported(450))
  await it.end()
  await it.end()
  assert.deepEqual(counted(), [...ours, ['masked', 151], ['masked', 1]])
})

test('of thousands each is masked up to the bound of a step, ours beyond it; the rest is told and recorded as shown, and ends a step that blocks', async (t) => {
  for (const action of ['warn', 'block']) {
    const it = setup(t, { output: action })
    let at = 0
    const next = (count: number) => Array.from({ length: count }, () => exported(at++)).join('')
    for (let i = 0; i < 9; i++) assert.equal((await it.write(next(1_000))).length, 1_000)
    assert.deepEqual([it.unseen(), it.ended], [undefined, []])
    const masked = await it.write(`${next(5)}using ${token}\n`)
    assert.ok(masked.includes(token))
    assert.match(it.unseen() ?? '', /^5 secrets are not masked: 1000 are that come at once, 10000 of a step/)
    assert.deepEqual(it.ended, action === 'block' ? ['output_not_masked'] : [])
    await it.end()
    const passed = it.entries.filter(({ data }) => data['outcome'] === 'passed')
    assert.deepEqual(
      passed.map(({ data }) => data['more']),
      [5],
    )
    // What was shown with it counts as known.
    assert.deepEqual(it.compromised, ['deploy'])
  }
})

test('what stands in output has no line, since the record that is sent has heads between', async (t) => {
  const it = setup(t)
  await it.write(`\n\nusing ${token}\n${exported(1)}`)
  const { secrets, findings } = it.entries[0]?.data ?? {}
  for (const one of [secrets, findings] as Record<string, unknown>[][])
    assert.deepEqual(
      one.map(({ path, line }) => [path, line]),
      [['output', undefined]],
    )
  await it.writeFile(`\n\n${exported(2)}`)
  assert.partialDeepStrictEqual(it.entries[1]?.data, { findings: [{ path: 'GITHUB_OUTPUT', line: 3 }] })
})

test('what could not be recorded is recorded by a later look, and no file goes on before', async (t) => {
  const it = setup(t)
  it.log.isDown = true
  assert.deepEqual(await it.write(`using ${token}\n`), [token])
  for (let i = 0; i < 2; i++) await assert.rejects(it.writeFile(`key=${token}\n`), /the log is down/)
  assert.deepEqual(it.entries, [])
  it.log.isDown = false
  assert.deepEqual(await it.writeFile(`key=${token}\n`), [{ from: 4, to: 4 + token.length }])
  assert.deepEqual(outcomes(it), ['masked'])
})

test('a secret that stands in another form, too, is not said to be masked there, at once or later', async (t) => {
  const it = setup(t)
  const twice = Buffer.from(Buffer.from(`deploy:${token}`).toString('base64')).toString('base64')
  assert.ok((await it.write(`using ${token}\nand ${twice}\n`)).includes(token))
  assert.deepEqual(outcomes(it), ['masked', 'passed'])
  assert.deepEqual(it.compromised, ['deploy', 'deploy'])
  const later = setup(t)
  const encoded = Buffer.from(`# settings\n${exported(1)}`).toString('base64')
  for (const text of [exported(1), `data: ${encoded}\n`, `data: ${encoded}\n`]) await later.write(text)
  assert.deepEqual(outcomes(later), ['masked', 'passed'])
  // Its base64 is masked as it is.
  const plain = setup(t)
  await plain.write(`using ${token}\nand ${Buffer.from(`deploy:${token}`).toString('base64')}\n`)
  assert.deepEqual(outcomes(plain), ['masked'])
})

test('a piece that is sent again goes on where it went on before', async (t) => {
  const it = setup(t)
  const [first, second] = [`using ${token.slice(0, 15)}`, token.slice(15)]
  await it.look(0, first)
  for (const _ of ['once', 'again'])
    assert.deepEqual(await it.look(first.length, second), { spans: [{ from: 6, to: 6 + token.length }] })
})

test('what of output could not be looked at leaves an entry and is told, once; of a file each time', async (t) => {
  const it = setup(t)
  // So many texts are in part as the secret is, wherever it is recognised by, that not all of them are looked at.
  const parts = Array.from({ length: 1_000 }, (_, i) => String(i).padStart(4, 'x'))
  const full = parts.map((part) => `${token.slice(0, -4)}${part}\n${part}${token.slice(4)}\n`).join('')
  const { unseen } = await it.look(0, full)
  assert.match(unseen ?? '', /^1 part could not be looked at: output: it is full of what begins/)
  assert.partialDeepStrictEqual(it.entries[0]?.data, { outcome: 'passed', unseen: 1 })
  assert.equal((await it.look(full.length, full)).unseen, undefined)
  assert.equal(it.entries.length, 1)
  await it.writeFile(full)
  assert.equal(it.entries.length, 2)
})
