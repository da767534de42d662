import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Lease, Step } from '../../broker/index.ts'
import type { Connection } from '../../connections/index.ts'
import { MayflyError, Secret, limits, sha256Hex } from '../../lib/index.ts'
import { openServer, policyText } from '../server.fixture.ts'

const password = 'hunter2-correct-horse'

const policy = policyText().replace(
  'people:',
  `  orders:
    kind: tcp
    url: tcp://db.internal:5432
    credential: { postgres-role: { admin: secret:orders } }
    deliver: { env: { PGUSER: "{username}", PGPASSFILE: "{home}/.pgpass" }, files: { .pgpass: "*:*:*:{username}:{password}" } }
  other:
    kind: tcp
    url: tcp://other.internal:5432
    credential: { postgres-role: { admin: secret:orders } }
    deliver: { env: { PGUSER: "{username}" } }
people:`,
)
const granted = policy
  .replace('repository_id: "1296269" }', 'repository_id: "1296269", event: push }')
  .replace(
    'grants: [git:read git/octo-org/app]',
    'grants: [git:read git/octo-org/app, tcp:credential orders]',
  )
  .replace(
    '  release:',
    '  plain:\n    trust: { issuer: github, repository_id: "1296269", event: push }\n    grants: [tcp:connect orders, tcp:connect other]\n  release:',
  )

/** STUB of the lease: made at the first call, the same at each later one, and gone with its step. */
async function serverWithLeases(t: TestContext) {
  const it = await openServer(t, { policy: granted })
  const made = new Map<string, Lease>()
  const leases = {
    fails: undefined as Error | undefined,
    after: async (_step: Step): Promise<void> => undefined,
  }
  it.broker.lease = async (step: Step, connection: Connection) => {
    if (leases.fails !== undefined) throw leases.fails
    const key = `${step.id} ${connection.name}`
    const lease = made.get(key) ?? {
      id: `lse_${made.size}` as Lease['id'],
      connection: connection.name,
      expiresMs: it.clock.nowMs() + 600_000,
      from: [],
      authorization: undefined,
      clientIdentity: undefined,
      fields: { username: new Secret(`mayfly_${made.size}`), password: new Secret(password) },
    }
    made.set(key, lease)
    await leases.after(step)
    return lease
  }
  const signer = await it.signer()
  const open = async (role: string) => {
    const session = (await it.exchange(signer, it.identityToken({ jti: `${role}${Math.random()}` }), role))
      .body
    const step = await it.prove(signer, '/v1/steps', {
      token: String(session['access_token']),
      json: {
        name: 'migrate',
        role,
        tier: 'B',
        command: 'psql',
        workspace: { kind: 'fresh', id: sha256Hex(role) },
      },
    })
    assert.equal(step.status, 201, JSON.stringify(step.body))
    return step.body
  }
  const ask = (step: Record<string, unknown>, by = signer, json: unknown = { home: '/home/step' }) =>
    it.prove(by, `/v1/steps/${String(step['step_id'])}/credentials`, {
      token: String(step['access_token']),
      json,
    })
  return { it, made, leases, signer, open, ask }
}

test('what a role may have is handed to its supervisor alone, after its entry, and to nobody else', async (t) => {
  const { it, made, leases, open, ask } = await serverWithLeases(t)
  const step = await open('build')
  const delivers = (step['connections'] as { name: string; delivers?: true }[]).filter((one) => one.delivers)
  assert.deepEqual(
    delivers.map(({ name }) => name),
    ['orders'],
  )
  const answer = await ask(step)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const [credential, ...others] = answer.body['credentials'] as Record<string, Record<string, string>>[]
  assert.deepEqual(others, [])
  assert.equal(credential?.['connection'], 'orders')
  assert.deepEqual(credential?.['env'], { PGUSER: 'mayfly_0', PGPASSFILE: '/home/step/.pgpass' })
  assert.deepEqual(credential?.['files'], { '.pgpass': `*:*:*:mayfly_0:${password}` })
  assert.deepEqual(Object.keys(credential?.['fields'] ?? {}), ['username', 'password', 'basic'])
  const [entry] = it.audit.ofType('access.granted')
  assert.deepEqual(entry?.data['operations'], [{ action: 'tcp:credential', connection: 'orders', path: '' }])
  assert.deepEqual(entry?.data['delivered'], { env: ['PGUSER', 'PGPASSFILE'], files: ['.pgpass'] })
  assert.equal(entry?.data['lease'], 'lse_0')
  assert.doesNotMatch(JSON.stringify(it.audit.entries), new RegExp(password))
  // Asked again it is the same lease, and an entry of its own.
  assert.deepEqual((await ask(step)).body, answer.body)
  assert.equal(made.size, 1)
  assert.equal(it.audit.ofType('access.granted').length, 2)

  // Another key, another step's id, a session's token, a home that is none.
  assert.equal((await ask(step, await it.signer())).status, 401)
  const of = (connection: string) => ask(step, undefined, { home: '/home/step', connection })
  assert.deepEqual((await of('orders')).body, answer.body)
  assert.deepEqual((await of('other')).body, { credentials: [] })
  const plain = await open('plain')
  assert.equal((await ask({ ...step, step_id: plain['step_id'] })).status, 403)
  for (const home of ['home', '/a"b', '/a\nb', 7])
    assert.equal((await ask(step, undefined, { home })).status, 400)
  // Another role of the same connection has no such grant: nothing is made.
  assert.deepEqual((await ask(plain)).body, { credentials: [] })
  assert.equal(made.size, 1)

  // Without a receipt there is no credential, and what an issuer says is told.
  it.audit.down = true
  const unrecorded = await ask(step)
  assert.equal(unrecorded.status, 503)
  assert.match(String(unrecorded.body['detail']), /gives no receipts/)
  assert.doesNotMatch(JSON.stringify(unrecorded.body), new RegExp(password))
  it.audit.down = false
  leases.fails = new MayflyError('credential_failed', 'db.internal says: no such role')
  assert.match(String((await ask(step)).body['detail']), /db\.internal says: no such role/)
  leases.fails = undefined

  // A step that has ended, also while its credential is made, gets nothing.
  leases.after = (running) => it.broker.endStep(running, { reason: 'finished' })
  const late = await ask(step)
  assert.equal(late.status, 403)
  assert.doesNotMatch(JSON.stringify(late.body), new RegExp(password))
  leases.after = async () => undefined
  assert.equal((await ask(step)).status, 403)
})

test('a kept credential is not handed out by the code either, and nobody asks without end', async (t) => {
  const { it, open, ask } = await serverWithLeases(t)
  const step = await open('build')
  const rules = it.rules.current()
  const orders = rules.targets.connections.find(({ name }) => name === 'orders')
  assert.ok(orders !== undefined)
  const kept = { ...orders, credential: { scheme: 'bearer', secret: 'orders' } } as const
  const current = it.rules.current.bind(it.rules)
  it.rules.current = () => ({ ...rules, targets: { ...rules.targets, connections: [kept] } })
  const refused = await ask(step)
  assert.equal(refused.status, 403)
  assert.match(String(refused.body['detail']), /has nothing that is made for a step/)
  it.rules.current = current
  const running = it.broker.step(String(step['step_id']) as never)
  assert.ok(running !== undefined)
  for (let i = 0; i < limits.handOutsPerStep; i++)
    await it.gateway.handOuts.handOut(running, '/h').catch(() => undefined)
  assert.match(String((await ask(step)).body['detail']), /has asked for its credentials 500 times/)
})
