import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { sha256Hex } from '../lib/index.ts'
import { openServer } from './server.fixture.ts'

const digestOf = (name: string) => `sha256:${sha256Hex(name)}`
const fileOf = (path: string) => ({ path, sha256: sha256Hex(path), bytes: 3 })

async function world(t: TestContext) {
  const it = await openServer(t)
  const signer = await it.signer()
  const { body } = await it.exchange(signer, it.identityToken(), 'build')
  const session = String(body['access_token'])
  const bearer = { authorization: `Bearer ${it.admin}` }
  return {
    it,
    signer,
    session,
    read: (path: string, headers: Record<string, string> = bearer) => it.call('GET', path, { headers }),
    async open() {
      const json = { name: 'build', role: 'build', tier: 'B', command: 'true' }
      const opened = await it.prove(signer, '/v1/steps', { token: session, json })
      const [id, token] = [String(opened.body['step_id']), String(opened.body['access_token'])]
      const ask = (method: string, path: string, json: unknown) =>
        it.prove(signer, `/v1/steps/${id}/${path}`, { token, json, method })
      return {
        id,
        /** By the step's own token. */
        own: () => it.prove(signer, `/v1/attestations?step=${id}`, { token, method: 'GET' }),
        list: (files: unknown) => ask('PUT', 'artifacts', { files }),
        finish: (files: readonly object[], sha256: string, exitCode = 0) =>
          ask('POST', 'finish', {
            reason: 'finished',
            exit_code: exitCode,
            ...(files.length === 0
              ? {}
              : {
                  artifacts: {
                    files: files.slice(0, 100),
                    count: files.length,
                    bytes: 3 * files.length,
                    sha256,
                  },
                }),
          }),
      }
    },
  }
}

interface Handed {
  readonly kind: string
  readonly predicate_type?: string
  readonly bundle: string
  readonly text?: string
}

test('a step lists all that it hands on, and is handed what is signed of it; then it is found by digest', async (t) => {
  const { it, open, read, signer, session } = await world(t)
  const step = await open()
  const files = Array.from({ length: 250 }, (_, i) => fileOf(`dist/${String(i).padStart(3, '0')}.js`))
  const listed = await step.list(files.toReversed())
  assert.equal(listed.status, 200, JSON.stringify(listed.body))
  assert.deepEqual(await step.list(files).then(({ body }) => body), listed.body, 'the same again is the same')
  const other = await step.list(files.slice(1))
  assert.deepEqual([other.status, other.body['code']], [409, 'conflict'])
  const { status, body } = await step.finish(files, String(listed.body['sha256']))
  assert.equal(status, 200, JSON.stringify(body))
  const handed = body['attestations'] as Handed[]
  assert.deepEqual(handed.map(({ kind }) => kind).toSorted(), ['provenance', 'sums'])
  assert.equal(handed.find(({ kind }) => kind === 'sums')?.text?.split('\n').length, 251)
  const late = await step.list(files)
  assert.equal(late.status, 403, 'nothing is added once the step has ended')

  const found = await read(`/attestations/${digestOf('dist/249.js')}`)
  const [one] = found.body['attestations'] as { bundle: unknown; step: string; predicate_type: string }[]
  assert.deepEqual([one?.step, one?.predicate_type], [step.id, 'https://slsa.dev/provenance/v1'])
  assert.deepEqual(one?.bundle, JSON.parse(handed.find(({ kind }) => kind === 'provenance')?.bundle ?? ''))
  const none = await read(`/attestations/${digestOf('elsewhere')}`)
  assert.deepEqual([none.status, none.body], [200, { attestations: [] }])

  const own = await it.prove(signer, `/v1/attestations?step=${step.id}`, { token: session, method: 'GET' })
  assert.equal((own.body['attestations'] as unknown[]).length, 2, JSON.stringify(own.body))
})

test('who reads: operators and jobs; a stranger only where the server says that anybody may', async (t) => {
  const { it, open, read, signer, session } = await world(t)
  const path = `/attestations/${digestOf('a')}`
  const step = await open()
  await step.list([fileOf('a')])
  await step.finish([fileOf('a')], sha256Hex(`${sha256Hex('a')}  a\n`))
  const count = ({ body }: { body: Record<string, unknown> }) =>
    (body['attestations'] as unknown[] | undefined)?.length
  assert.equal(count(await read(path)), 1)
  assert.equal(count(await it.prove(signer, path, { token: session, method: 'GET' })), 1)
  assert.equal((await read(path, {})).status, 401)
  assert.equal((await read(path, { authorization: 'Bearer mayfly_wrong' })).status, 401)
  it.published.public = true
  assert.equal(count(await read(path, {})), 1)
  assert.equal((await read('/v1/attestations?run=run_x', {})).status, 401, 'lists stay ours')

  it.published.public = false
  const other = await it.signer()
  const elsewhere = await it.exchange(other, it.identityToken({ run_id: '99' }), 'build')
  const token = String(elsewhere.body['access_token'])
  assert.equal(count(await it.prove(other, path, { token, method: 'GET' })), 0, 'what other runs made')
  const theirs = await it.prove(other, `/v1/steps/${step.id}/receipt`, { token })
  assert.deepEqual([theirs.status, theirs.body['code']], [404, 'not_found'])
  const list = await it.prove(other, `/v1/attestations?step=${step.id}`, { token, method: 'GET' })
  assert.equal(count(list), 0)
  for (const wrong of [
    '/attestations/sha512:aa',
    '/attestations/sha256:AB',
    `${path}?limit=0`,
    `${path}?limit=x`,
  ])
    assert.equal((await read(wrong)).status, 400, wrong)
  assert.equal((await read('/v1/attestations')).status, 400)
})

test('pages: no more than was asked for, and the rest behind it', async (t) => {
  const { open, read } = await world(t)
  for (let i = 0; i < 3; i++) {
    const step = await open()
    await step.list([fileOf('a')])
    await step.finish([fileOf('a')], sha256Hex(`${sha256Hex('a')}  a\n`))
  }
  const path = `/attestations/${digestOf('a')}?limit=2`
  const first = await read(path)
  assert.equal((first.body['attestations'] as unknown[]).length, 2)
  const second = await read(`${path}&after=${String(first.body['next'])}`)
  assert.equal((second.body['attestations'] as unknown[]).length, 1)
  assert.equal(second.body['next'], undefined)
})

test('another list at the end than before it: the step ends, nothing is signed, and it is told why', async (t) => {
  const { it, open, read } = await world(t)
  const step = await open()
  await step.list([fileOf('a')])
  const { status, body } = await step.finish([fileOf('b')], sha256Hex('b'))
  assert.deepEqual([status, body['attestations']], [200, undefined])
  assert.match(String((body['attestations_failed'] as string[])[0]), /not those that were listed before/)
  assert.equal(it.store.find('steps', { id: step.id })?.end_reason, 'finished')
  const { body: states } = await read('/v1/attestations/states?state=failed')
  assert.equal((states['attestations'] as unknown[]).length, 1)
  const ready = await read('/readyz')
  assert.match(JSON.stringify(ready.body['warnings']), /1 could not be made: mayfly attest list/)
})

test('keys or log away: the end says that it comes later, and operators see what waits', async (t) => {
  const { it, open, read } = await world(t)
  it.fakeSigner.before = () => Promise.reject(new Error('the HSM is away'))
  const step = await open()
  await step.list([fileOf('a')])
  const { body } = await step.finish([fileOf('a')], sha256Hex(`${sha256Hex('a')}  a\n`))
  assert.deepEqual([body['attestations'], body['attestations_pending']], [undefined, true])
  const ofStep = async () => (await step.own()).body
  assert.deepEqual(await ofStep(), { attestations: [], pending: true })
  it.clock.aheadMs += 90_000
  assert.match(
    JSON.stringify((await read('/readyz')).body),
    /attestations: 2 wait to be signed since .*: the HSM is away/,
  )
  it.fakeSigner.before = async () => undefined
  const retried = await it.call('POST', '/v1/attestations/retry', {
    headers: { authorization: `Bearer ${it.admin}` },
    json: {},
  })
  assert.deepEqual(retried.body, { asked: 3 })
  await it.attestor.work()
  assert.equal(((await read(`/attestations/${digestOf('a')}`)).body['attestations'] as unknown[]).length, 1)
  assert.equal((await ofStep())['pending'], undefined)
})

test('a receipt: on demand, for operators and for jobs of the same run', async (t) => {
  const { it, open, signer, session } = await world(t)
  const step = await open()
  const bearer = { headers: { authorization: `Bearer ${it.admin}` } }
  const early = await it.call('POST', `/v1/steps/${step.id}/receipt`, bearer)
  assert.deepEqual([early.status, early.body['code']], [409, 'conflict'])
  await step.finish([], '')
  const { status, body } = await it.call('POST', `/v1/steps/${step.id}/receipt`, bearer)
  assert.deepEqual(
    [status, body['predicate_type']],
    [200, 'urn:mayfly:step-receipt:v1'],
    JSON.stringify(body),
  )
  const own = await it.prove(signer, `/v1/steps/${step.id}/receipt`, { token: session, method: 'POST' })
  assert.deepEqual(own.body, body)
  assert.equal((await it.call('POST', '/v1/steps/stp_none/receipt', bearer)).status, 404)
})

test('the list of what is signed goes on where a page of it ends', async (t) => {
  const { open, read } = await world(t)
  const step = await open()
  const listed = await step.list([fileOf('a')])
  assert.equal((await step.finish([fileOf('a')], String(listed.body['sha256']))).status, 200)
  const idsOf = ({ body }: { body: Record<string, unknown> }) =>
    (body['attestations'] as { id: string }[]).map(({ id }) => id)
  const all = await read('/v1/attestations/states')
  assert.equal(all.body['next'], undefined)
  const first = await read('/v1/attestations/states?limit=2')
  assert.equal(first.body['next'], idsOf(first)[1])
  const rest = await read(`/v1/attestations/states?before=${String(first.body['next'])}`)
  assert.deepEqual([...idsOf(first), ...idsOf(rest)], idsOf(all))
  assert.equal(idsOf(rest).length, 1)
})

test('by digest, only of the jobs that are meant: whoever else had it attested is left out', async (t) => {
  const { open, read } = await world(t)
  const step = await open()
  const listed = await step.list([fileOf('a')])
  assert.equal((await step.finish([fileOf('a')], String(listed.body['sha256']))).status, 200)
  const count = async (query: string) => {
    const { status, body } = await read(`/attestations/${digestOf('a')}?${query}`)
    assert.equal(status, 200, JSON.stringify(body))
    return (body['attestations'] as unknown[]).length
  }
  assert.equal(await count(''), 1)
  for (const query of ['role=build', 'role=lint&role=bu*', 'role=build&issuer=', 'identity=*'])
    assert.equal(await count(query), query.includes('issuer') ? 0 : 1, query)
  for (const query of ['role=lint', 'role=b', 'repository_id=0', 'ref=refs/tags/*', 'identity=x'])
    assert.equal(await count(query), 0, query)
  const many = await read(`/attestations/${digestOf('a')}?${'role=x&'.repeat(51)}`)
  assert.equal(many.status, 400)
})

test('what is asked and not understood is refused: it would be answered about more than was meant', async (t) => {
  const { read } = await world(t)
  const long = 'x'.repeat(1_001)
  const wrong = [
    ...['role', 'issuer', 'predicate_type', 'after'].map((name) => `${name}=${long}`),
    ...['issuer=a&issuer=b', 'predicate_type=a&predicate_type=b', 'limit=1&limit=2', 'limit=101'],
  ].map((query) => `/attestations/${digestOf('a')}?${query}`)
  const listed = ['run=a&step=b&step=c', `run=${long}`].map((query) => `/v1/attestations?${query}`)
  const states = ['state=lost', 'limit=201', 'before=a&before=b', 'run=a&run=b'].map(
    (query) => `/v1/attestations/states?${query}`,
  )
  for (const path of [...wrong, ...listed, ...states]) {
    const { status, body } = await read(path)
    assert.deepEqual([status, body['code']], [400, 'bad_input'], path.slice(0, 120))
  }
  assert.equal((await read(`/attestations/${digestOf('a')}?limit=100&role=${long.slice(1)}`)).status, 200)
  assert.equal((await read('/v1/attestations/states?limit=200')).status, 200)
})
