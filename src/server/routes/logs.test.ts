import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import type { OutputInspection } from '../../inspection/index.ts'
import { limits } from '../../lib/index.ts'
import { anna, openServer } from '../server.fixture.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

async function stepOf(t: TestContext, output?: OutputInspection) {
  const it = await openServer(t, output === undefined ? {} : { output })
  const signer = await it.signer()
  const session = (await it.exchange(signer, it.identityToken(), 'build')).body
  const open = async (name = 'one') => {
    const { body } = await it.prove(signer, '/v1/steps', {
      token: String(session['access_token']),
      json: { name, role: 'build', tier: 'B', command: 'true' },
    })
    const [id, token] = [String(body['step_id']), String(body['access_token'])]
    return {
      id,
      token,
      put: (offset: number | string, text: string | Buffer<ArrayBuffer>, of = id) =>
        it.prove(signer, `/v1/steps/${of}/log?offset=${offset}`, { token, bytes: Buffer.from(text) }),
      written: (text: string) =>
        it.prove(signer, `/v1/steps/${id}/written?name=GITHUB_OUTPUT`, { token, bytes: Buffer.from(text) }),
      finish: (reason = 'finished') =>
        it.prove(signer, `/v1/steps/${id}/finish`, {
          token,
          json: { reason, exit_code: 0, secrets_seen: [{ name: 'NPM_TOKEN', count: 2 }] },
        }),
      read: async (from = 0) => {
        const answer = await it.asAdmin('GET', `/v1/steps/${id}/log?from=${from}`)
        return { status: answer.status, text: answer.body['text'] }
      },
    }
  }
  const run = String(session['run_id'])
  const list = async () => (await it.asAdmin('GET', `/v1/runs/${run}/logs`)).body as unknown as Listed
  return { it, signer, session, run, open, list }
}

interface Listed {
  readonly open: boolean
  readonly steps: readonly {
    readonly name: string
    readonly growing: boolean
    readonly log: { state: string; sha256?: string; why?: string } | null
  }[]
}

test('what a runner sends is read by operators while the step runs, and its digest is in the entry of its end', async (t) => {
  const { it, open, list } = await stepOf(t)
  const step = await open()
  assert.deepEqual(
    (await list()).steps.map(({ log, growing }) => [log, growing]),
    [[null, true]],
  )
  assert.deepEqual((await step.put(0, 'one ')).body, { size: 4 })
  assert.deepEqual((await step.put(4, 'two')).body, { size: 7 })
  assert.deepEqual(await step.read(), { status: 200, text: 'one two' })
  assert.deepEqual(await step.read(4), { status: 200, text: 'two' })
  assert.equal((await step.finish()).status, 200)
  assert.equal((await list()).steps[0]?.growing, false)
  const [end] = it.audit.ofType('step.finished')
  const reported = end?.data['reported'] as Record<string, unknown>
  assert.deepEqual(reported['secrets_seen'], [{ name: 'NPM_TOKEN', count: 2 }])
  assert.deepEqual(end?.data['log'], { bytes: 7, sha256: sha256('one two') })
  it.clock.aheadMs += 11_000
  await it.logs.sweep()
  assert.deepEqual((await list()).steps[0]?.log, { state: 'sealed', bytes: 7, sha256: sha256('one two') })
  assert.equal((await step.read(4)).text, 'two')
})

test('what a step wrote for its CI is looked at while it runs, and of one that has ended it is not said that nothing was found', async (t) => {
  const { it, open } = await stepOf(t)
  const step = await open()
  assert.deepEqual((await step.written('a=b')).body, { mask: [] })
  await it.broker.revoke({ all: true }, 'revoked_by:anna')
  // Its log is still taken.
  assert.equal((await step.put(0, 'last words')).status, 200)
  const { status, body } = await step.written('a=b')
  assert.equal(status, 403)
  assert.match(JSON.stringify(body), /revoked_by:anna|revoked/)
})

test('every byte of a log is looked at: sent again by a runner that heard no answer, and after the server ended its step', async (t) => {
  const looked: string[] = []
  const { it, open } = await stepOf(t, {
    async look({ name }, offset, bytes) {
      looked.push(`${name} ${offset} ${bytes.toString()}`)
      return { spans: [{ from: offset, to: offset + 3 }], unseen: 'a part' }
    },
    lookAtFile: async () => ({ spans: [], unseen: 'a part' }),
    stepEnded: async () => undefined,
  })
  const step = await open()
  const first = (await step.put(0, 'one')).body
  assert.deepEqual(first, { size: 3, mask: [{ from: 0, to: 3 }], unseen: 'a part' })
  assert.deepEqual((await step.written('a=b')).body, { mask: [], unseen: 'a part' })
  // With more behind it, which is not taken at this place.
  assert.deepEqual((await step.put(0, 'one two')).body, first)
  assert.deepEqual((await step.put(9, 'a gap')).body, { size: 3 })
  await it.broker.revoke({ all: true }, 'revoked_by:anna')
  await step.put(3, ' last')
  assert.deepEqual(looked, ['one 0 one', 'one 0 one', 'one 3  last'])
})

test('a step writes its own log and no other, with its own token, in its own time', async (t) => {
  const { it, signer, session, open } = await stepOf(t)
  const [one, other] = [await open('one'), await open('other')]
  const refused = async (answer: Promise<{ status: number }>) => (await answer).status
  assert.equal(await refused(one.put(0, 'x', other.id)), 403)
  assert.equal(await refused(one.put(0, 'x', 'stp_000000000000000000000000')), 403)
  const path = `/v1/steps/${one.id}/log?offset=0`
  const bytes = Buffer.from('x')
  assert.equal(await refused(it.prove(signer, path, { token: String(session['access_token']), bytes })), 403)
  assert.equal(await refused(it.prove(await it.signer(), path, { token: one.token, bytes })), 401)
  assert.equal(await refused(it.call('POST', path, { bytes })), 401)
  assert.equal((await other.read()).text, '')
  // The server ended it: what it said last may come for some seconds.
  await it.broker.revoke({ all: true }, 'revoked_by:anna')
  assert.equal(await refused(one.put(0, 'last words')), 200)
  it.clock.aheadMs += 10_000
  assert.equal(await refused(one.put(10, 'too late')), 403)
})

test('what a step said after the server ended it stands behind what the entry of its end has', async (t) => {
  const { it, open, list } = await stepOf(t)
  const step = await open()
  await step.put(0, 'before')
  await it.broker.revoke({ all: true }, 'revoked_by:anna')
  await step.put(6, ' after')
  const [end] = it.audit.ofType('step.finished')
  assert.deepEqual(end?.data['log'], { bytes: 6, sha256: sha256('before') })
  assert.equal((await list()).steps[0]?.growing, true)
  it.clock.aheadMs += 11_000
  await it.logs.sweep()
  assert.deepEqual([(await step.read()).text, (await list()).steps[0]?.growing], ['before after', false])
})

test('however its supervisor ended it: nothing more comes', async (t) => {
  const { open, list } = await stepOf(t)
  for (const reason of ['finished', 'cancelled', 'failed_to_start', 'timed_out']) {
    const step = await open(reason)
    await step.put(0, 'last')
    assert.equal((await step.finish(reason)).status, 200)
    const { growing } = (await list()).steps.find(({ name }) => name === reason) ?? {}
    assert.equal(growing, false, reason)
  }
})

test('no piece is larger than one, none is anything but bytes, and an offset is a number', async (t) => {
  const { it, signer, open } = await stepOf(t)
  const step = await open()
  assert.equal((await step.put(0, Buffer.alloc(limits.logPieceBytes + 1))).status, 413)
  for (const offset of ['-1', '1.5', 'x', '9'.repeat(16), '0&offset=1'])
    assert.equal((await step.put(offset, 'x')).status, 400, offset)
  const asJson = await it.prove(signer, `/v1/steps/${step.id}/log`, { token: step.token, json: { a: 1 } })
  assert.equal(asJson.status, 400)
  assert.equal((await step.read()).text, '')
})

test('beyond max_step nothing is taken, and the runner is told why', async (t) => {
  const { it, open } = await stepOf(t)
  const step = await open()
  Object.assign(it.logLimits, { maxStepBytes: 5 })
  const { status, body } = await step.put(0, '123456')
  assert.deepEqual([status, body['size']], [200, 0])
  assert.match(String(body['full']), /logs\.max_step/)
})

test('logs are read by whoever may read, and removed by whoever may erase, which is recorded', async (t) => {
  const { it, open, run, list } = await stepOf(t)
  const step = await open()
  await step.put(0, 'a name')
  await step.finish()
  const reader = (await it.apiTokens.create({ name: 'ci', scopes: ['policy:read'], expiresMs: null })).token
  const asReader = { headers: { authorization: `Bearer ${reader}` } }
  for (const path of [`/v1/runs/${run}/logs`, `/v1/steps/${step.id}/log`]) {
    assert.equal((await it.call('GET', path)).status, 401)
    assert.equal((await it.call('GET', path, asReader)).status, 403)
    assert.equal((await it.asPerson(anna, 'GET', path)).status, 200)
  }
  assert.equal((await it.asPerson(anna, 'DELETE', `/v1/runs/${run}/logs`)).status, 403)
  assert.equal((await step.read()).text, 'a name')
  assert.deepEqual((await it.asAdmin('DELETE', `/v1/runs/${run}/logs`)).body, { removed: 1 })
  assert.equal((await step.read()).text, '')
  assert.deepEqual((await list()).steps[0]?.log?.why, 'erased')
  assert.deepEqual(it.audit.ofType('logs.removed')[0]?.data['removed'], 1)
  assert.equal((await it.asAdmin('DELETE', `/v1/runs/${run}/logs`)).status, 404)
})

test('of a run that nobody knows, and of an id that is a path, there is nothing', async (t) => {
  const { it } = await stepOf(t)
  assert.equal((await it.asAdmin('GET', '/v1/runs/run_nobody/logs')).status, 404)
  for (const id of ['..%2F..%2Fmayfly.db', 'stp_nobody', '%00'])
    assert.equal((await it.asAdmin('GET', `/v1/steps/${id}/log`)).body['text'] ?? '', '')
})
