import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import { connection, grant, openSession, stepRequest } from '../../broker/broker.fixture.ts'
import { fakeUpstream, mintedCredential, unreachable } from '../../broker/leases/upstream.fixture.ts'
import { openServer } from '../server.fixture.ts'

/** A server with a lease that its upstream does not revoke, for so long. */
async function openStuck(t: TestContext) {
  const upstream = fakeUpstream({ nowMs: () => it.clock.nowMs() })
  const it = await openServer(t, { issuers: { issuerOf: () => upstream.issuer, random: () => 0 } })
  const session = await openSession(it.broker, { ttlSeconds: 7200 })
  const steps = [
    await it.broker.openStep(session, stepRequest({ ttlSeconds: 7200 })),
    await it.broker.openStep(session, stepRequest({ ttlSeconds: 7200 })),
  ] as const
  const leases = []
  for (const step of steps)
    leases.push(await it.broker.lease(step, connection('db', { credential: mintedCredential }), grant))
  upstream.on.before = () => {
    throw unreachable()
  }
  const pass = async (seconds: number) => {
    for (let left = seconds; left > 0; left -= 60) {
      it.clock.aheadMs += 60_000
      await it.broker.sweep()
      await it.broker.idle()
    }
  }
  return { it, upstream, session, steps, leases, pass }
}

test('a lease that cannot be revoked is loud: readyz, metrics, mayfly leases --stuck; retried, and forgotten on an operator’s word', async (t) => {
  const { it, upstream, session, steps, leases, pass } = await openStuck(t)
  const ready = async () => (await it.call('GET', '/readyz')).body['warnings']
  const metric = async (line: RegExp) =>
    assert.match(String((await it.call('GET', '/metrics')).body['text']), line)
  assert.deepEqual(await ready(), [])
  const inForce = (await it.asAdmin('GET', '/v1/leases')).body['leases'] as Record<string, unknown>[]
  assert.deepEqual(
    inForce.map(({ state, means, ends }) => [state, means, ends]),
    [
      ['issued', 'at_once', 'dead once it is revoked'],
      ['issued', 'at_once', 'dead once it is revoked'],
    ],
  )
  assert.doesNotMatch(JSON.stringify(inForce), /token-of/)
  for (const step of steps) await it.broker.endStep(step, { reason: 'finished' })
  await it.broker.idle()
  await metric(/^mayfly_leases\{state="revoking"\} 2$/m)
  assert.match(
    (await mayfly(it, ['--stuck'])).stdout,
    /^2 leases cannot be revoked at the moment: db: .*upstream.test does not answer.*; none for ten minutes yet/,
  )
  await pass(900)
  assert.match(
    String(await ready()),
    /^2 leases cannot be revoked, the oldest since .*: mayfly leases --stuck$/,
  )
  assert.equal((await it.call('GET', '/readyz')).status, 200, 'it stops nothing')
  await metric(/^mayfly_leases\{state="revoke_failed"\} 2$/m)
  await metric(/^mayfly_lease_revoke_failures_total [1-9]/m)
  await metric(/^mayfly_lease_stuck_seconds (?!0$)/m)

  const [first, second] = leases
  const shown = await mayfly(it, ['--stuck'])
  assert.match(
    shown.stdout,
    new RegExp(
      `${first?.id} +revoke_failed +db +oauth-client +${session.runId} +build +dead once.*upstream.test does not answer; again at`,
    ),
  )
  upstream.on.before = () => undefined
  assert.match((await mayfly(it, ['retry', String(first?.id)])).stdout, /db is asked to revoke it now/)
  await it.broker.idle()
  assert.deepEqual(upstream.living(), [`${second?.id}-1`])
  assert.equal((await it.asAdmin('POST', `/v1/leases/${second?.id}/forget`, { reason: ' ' })).status, 400)
  const forgotten = await mayfly(it, ['forget', String(second?.id), '--reason', 'dropped by hand'])
  assert.equal(forgotten.code, 0, forgotten.stderr)
  assert.deepEqual(await ready(), [])
  const ofRun = await it.asAdmin('GET', `/v1/leases?run=${session.runId}`)
  const both = ofRun.body as { leases: { state: string; proof: string }[] }
  assert.deepEqual(both.leases.map(({ state, proof }) => `${state} ${proof}`).toSorted(), [
    'revoked operator',
    'revoked probed',
  ])
  while (it.audit.ofType('lease.revoked').length < 2) await new Promise((next) => setImmediate(next))
  const entry = it.audit.ofType('lease.revoked').find(({ subject }) => subject === second?.id)
  const { proof, word, by } = entry?.data ?? {}
  assert.deepEqual({ proof, word, by }, { proof: 'operator', word: 'dropped by hand', by: 'root' })
  const again = await it.asAdmin('POST', `/v1/leases/${second?.id}/forget`, { reason: 'x' })
  assert.equal(again.status, 409)
  assert.match(JSON.stringify(again.body), /only one that is being revoked/)
})

test('who may: lease:read to look, session:revoke to retry and forget', async (t) => {
  const it = await openServer(t)
  const { token } = await it.apiTokens.create({ name: 'watcher', scopes: ['lease:read'], expiresMs: null })
  const headers = { authorization: `Bearer ${token}` }
  assert.equal((await it.call('GET', '/v1/leases', { headers })).status, 200)
  assert.equal((await it.call('POST', '/v1/leases/lse_x/retry', { headers })).status, 403)
  assert.equal((await it.call('GET', '/v1/leases', {})).status, 401)
  assert.equal((await it.asAdmin('POST', '/v1/leases/lse_x/retry')).status, 404)
})

function mayfly(
  it: Awaited<ReturnType<typeof openServer>>,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const all = [
    '--disable-warning=ExperimentalWarning',
    'src/main/mayfly.ts',
    'leases',
    ...args,
    '--server',
    it.url,
  ]
  const env = { PATH: '/usr/bin:/bin', MAYFLY_TOKEN: it.admin }
  return new Promise((done) =>
    execFile(process.execPath, all, { env, timeout: 60_000 }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    ),
  )
}
