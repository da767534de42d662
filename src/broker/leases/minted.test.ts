import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { sql } from 'kysely'
import { createHttpClient } from '../../http-client/index.ts'
import { MayflyError, Secret } from '../../lib/index.ts'
import {
  Unusable,
  UpstreamBusy,
  type CredentialIssuer,
  type Held,
  type IssuerTools,
  type MintRequest,
} from '../../credentials/index.ts'
import {
  code,
  connection,
  delivered,
  grant,
  latch,
  openSession,
  setup,
  startMs,
  stepRequest,
} from '../broker.fixture.ts'
import { askMint } from './ask-mint.ts'
import type { After } from './within.ts'
import { fakeUpstream, mintedCredential, unreachable, type FakeUpstream } from './upstream.fixture.ts'

type Options = Parameters<typeof fakeUpstream>[1]

const db = () => connection('db', { credential: mintedCredential })

async function begin(t: TestContext, options: Options & { after?: After } = {}, ttlSeconds = 900) {
  let ms = () => startMs
  const upstream = fakeUpstream({ nowMs: () => ms() }, options)
  const it = await setup(t, {
    ...{ issuerOf: () => upstream.issuer, random: () => 0 },
    ...(options.after === undefined ? {} : { after: options.after }),
  })
  ms = () => it.clock.ms
  const session = await openSession(it.broker, { ttlSeconds: 3600 })
  const step = await it.broker.openStep(session, stepRequest({ ttlSeconds }))
  return { it, upstream, session, step }
}

type Begun = Awaited<ReturnType<typeof begin>>

const rows = ({ it }: Pick<Begun, 'it'>) => it.store.read.selectFrom('leases').selectAll().execute()

/** Lets the time pass and the server do what is due, until nothing is. */
async function pass({ it, step }: Pick<Begun, 'it' | 'step'>, seconds: number, every = 60): Promise<void> {
  for (let left = seconds; left > 0; left -= every) {
    it.clock.ms += Math.min(left, every) * 1000
    await it.broker.heartbeat(step)
    await it.broker.sweep()
    await it.broker.idle()
  }
  await delivered(it)
}

test('an issuer is told whom it is for: run, step, role, and the job as its CI said it', async (t) => {
  const { it, upstream, session, step } = await begin(t)
  const asked: MintRequest[] = []
  const { mint } = upstream.issuer
  upstream.issuer.mint = (...request) => {
    asked.push(request[0])
    return mint(...request)
  }
  await it.broker.lease(step, db(), grant)
  const [request] = asked
  assert.deepEqual([request?.run, request?.step, request?.role], [session.runId, step.id, 'build'])
  assert.deepEqual(request?.job, session.subject)
})

test('minted: requested before it is made, kept before it is in the log, there before anybody has it; one for all who ask', async (t) => {
  const { it, upstream, step } = await begin(t)
  const seen: unknown[] = []
  upstream.on.before = async () => {
    const [row] = await rows({ it })
    seen.push(row?.state, JSON.parse(row?.plan ?? 'null').plan, row?.handle)
  }
  const { append } = it.audit.client
  it.audit.client.append = async (event) => {
    if (event.type === 'lease.issued') {
      const [row] = await rows({ it })
      seen.push(row?.state, row?.handle?.length !== 0)
    }
    return await append(event)
  }
  const [lease, same] = await Promise.all([
    it.broker.lease(step, db(), grant),
    it.broker.lease(step, db(), grant),
  ])
  assert.equal(lease, same)
  assert.equal(await it.broker.lease(step, db(), grant), lease)
  assert.deepEqual(seen, ['requested', { name: `mayfly-${lease.id}` }, null, 'issued', true])
  assert.equal(lease.authorization?.reveal(), `Bearer token-of-${lease.id}-0`)
  assert.equal(lease.fields?.['token']?.reveal(), `token-of-${lease.id}-0`)
  const [entry, ...more] = it.audit.ofType('lease.issued')
  assert.deepEqual(more, [])
  const { kind, means, facts, expires } = entry?.data ?? {}
  assert.deepEqual(
    { kind, means, facts, expires },
    {
      kind: 'oauth-client',
      means: 'at_once',
      facts: { account: `${lease.id}-0` },
      expires: new Date(step.expiresMs).toISOString(),
    },
  )
})

test('a minted credential is in no row, entry or error as it is', async (t) => {
  const { it, step } = await begin(t)
  const lease = await it.broker.lease(step, db(), grant)
  await it.broker.endStep(step, { reason: 'finished' })
  for (const thing of [await rows({ it }), it.audit.entries, lease, step]) {
    const text = `${inspect(thing, { depth: null })} ${JSON.stringify(thing)}`
    assert.doesNotMatch(text, /token-of/)
  }
})

test('the end of a step: its credential is revoked, probed, and the run ends after it', async (t) => {
  const begun = await begin(t)
  const { it, upstream, step, session } = begun
  await it.broker.lease(step, db(), grant)
  const { held, release } = latch()
  upstream.on.before = () => held
  await it.broker.endSession(session, 'finished')
  await delivered(it)
  assert.deepEqual((await it.broker.counts()).ending, 1)
  assert.deepEqual(it.audit.ofType('run.finished'), [], 'something of the run goes on')
  release()
  await it.broker.idle()
  await delivered(it)
  assert.deepEqual(upstream.living(), [])
  const [revoked] = it.audit.ofType('lease.revoked')
  const { reason, kind, means, proof } = revoked?.data ?? {}
  assert.deepEqual(
    { reason, kind, means, proof },
    { reason: 'finished', kind: 'oauth-client', means: 'at_once', proof: 'probed' },
  )
  assert.equal(it.audit.types().at(-1), 'run.finished')
  const [row] = await rows(begun)
  assert.deepEqual([row?.state, row?.plan, row?.handle, row?.due_ms], ['revoked', null, null, null])
})

test('a slow upstream does not hold up the ends of other steps, nor what another upstream revokes', async (t) => {
  const { it, upstream, step, session } = await begin(t)
  const { held, release } = latch()
  upstream.on.before = (phase) => (phase === 'revoke' ? held : undefined)
  const others = await Promise.all(
    Array.from({ length: 30 }, () => it.broker.openStep(session, stepRequest())),
  )
  for (const one of [step, ...others]) await it.broker.lease(one, db(), grant)
  for (const one of [step, ...others]) await it.broker.endStep(one, { reason: 'finished' })
  upstream.on.before = () => undefined
  const last = await it.broker.openStep(session, stepRequest())
  await it.broker.lease(last, connection('other', { credential: mintedCredential }), grant)
  await it.broker.endStep(last, { reason: 'finished' })
  while ((await it.broker.counts()).revoked === 0) await new Promise((next) => setImmediate(next))
  assert.equal(upstream.living().length, 31)
  release()
  await it.broker.idle()
  assert.equal(upstream.living().length, 0)
})

test('an upstream that made it and then failed: nobody has it, it is found by its plan, and nothing is left', async (t) => {
  const begun = await begin(t)
  const { it, upstream, step } = begun
  upstream.on.after = (phase) => {
    if (phase === 'mint') throw unreachable()
  }
  await assert.rejects(it.broker.lease(step, db(), grant), code('upstream_unreachable'))
  await assert.rejects(it.broker.lease(step, db(), grant), code('upstream_unreachable'))
  assert.equal(
    upstream.asked.filter((one) => one === 'mint').length,
    1,
    'who asks at once gets the same answer',
  )
  await it.broker.idle()
  assert.deepEqual(upstream.living(), [])
  await pass(begun, 120)
  assert.deepEqual(
    (await rows(begun)).map(({ state }) => state),
    ['revoked'],
  )
  assert.deepEqual(it.audit.ofType('lease.issued'), [])
  upstream.on.after = () => undefined
  assert.ok(await it.broker.lease(step, db(), grant))
})

test('what was made and nobody is to have is kept for its end, and ended until that is confirmed', async (t) => {
  const begun = await begin(t, { finds: false })
  const { it, upstream, step } = begun
  const { mint } = upstream.issuer
  upstream.issuer.mint = async (...asked) => {
    const { handle } = await mint(...asked)
    throw new Unusable(new MayflyError('credential_failed', 'it is odd'), handle)
  }
  let down = true
  upstream.on.before = (phase) => {
    if (phase === 'revoke' && down) throw unreachable()
  }
  await assert.rejects(it.broker.lease(step, db(), grant), code('credential_failed', /it is odd/))
  await it.broker.idle()
  assert.equal(upstream.living().length, 1)
  down = false
  await pass(begun, 120)
  assert.deepEqual(upstream.living(), [])
  assert.deepEqual(it.audit.ofType('lease.issued'), [])
})

test('an upstream that answers too late: what it made then is revoked', async (t) => {
  let late: (() => void) | undefined
  const upstream = fakeUpstream({ nowMs: () => startMs })
  const it = await setup(t, {
    issuerOf: () => upstream.issuer,
    after: (_, callback) => {
      late = callback
      return () => undefined
    },
  })
  const step = await it.broker.openStep(await openSession(it.broker), stepRequest())
  const { held, release } = latch()
  upstream.on.before = (phase) => (phase === 'mint' ? held : undefined)
  const refused = assert.rejects(
    it.broker.lease(step, db(), grant),
    code('upstream_unreachable', /has not made a credential in 30 s/),
  )
  while (!upstream.asked.includes('mint')) await new Promise((next) => setImmediate(next))
  late?.()
  await refused
  await it.broker.idle()
  release()
  while (upstream.living().length === 0) await new Promise((next) => setImmediate(next))
  while (upstream.living().length > 0) await new Promise((next) => setImmediate(next))
  assert.ok(upstream.asked.includes('revoke'))
})

test('a secret that cannot be opened: nobody was asked, and nothing is left', async (t) => {
  const begun = await begin(t)
  const { it, upstream, step } = begun
  const { mint } = upstream.issuer
  upstream.issuer.mint = async (request, plan, tools) => {
    await tools.openSecret('nowhere')
    return await mint(request, plan, tools)
  }
  await assert.rejects(it.broker.lease(step, db(), grant), code('secret_missing'))
  assert.deepEqual(await rows(begun), [])
  assert.deepEqual(upstream.asked, [])
})

test('a secret that a credential is made with is used by that run', async (t) => {
  const { it, upstream, step } = await begin(t)
  await it.vault.set('db-admin', new Secret('x'))
  const { mint } = upstream.issuer
  upstream.issuer.mint = async (request, plan, tools) => {
    await tools.openSecret('db-admin')
    return await mint(request, plan, tools)
  }
  await it.broker.lease(step, db(), grant)
  // It is noted beside the lease, which does not wait for it.
  await it.store.write(async () => undefined)
  const used = it.store.find('secret_names', { name: 'db-admin' })
  assert.equal(typeof used?.used_by, 'string')
})

test('an upstream that is down: asked again with longer waits, told after ten minutes and each hour, revoked once it is back', async (t) => {
  const begun = await begin(t, {}, 3_500)
  const { it, upstream, step, session } = begun
  await it.broker.lease(step, db(), grant)
  upstream.on.before = () => {
    throw unreachable()
  }
  await it.broker.endSession(session, 'finished')
  await it.broker.idle()
  const waits: number[] = []
  for (let i = 0; i < 6; i++) {
    const due = (await rows(begun))[0]?.due_ms ?? 0
    waits.push(due - it.clock.ms)
    it.clock.ms = due
    await it.broker.sweep()
    await it.broker.idle()
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000])
  assert.equal(it.audit.ofType('lease.unrevoked').length, 0)
  await pass(begun, 700)
  const [failed, ...more] = it.audit.ofType('lease.unrevoked')
  assert.deepEqual(more, [])
  assert.match(String(failed?.data['failure']), /does not answer/)
  assert.equal((await rows(begun))[0]?.state, 'revoke_failed')
  assert.equal(it.audit.types().at(-1), 'run.finished', 'the run does not wait for ever')
  upstream.on.before = () => undefined
  await pass(begun, 320)
  assert.deepEqual(upstream.living(), [])
  assert.deepEqual(it.audit.types().slice(-2), ['lease.revoked', 'run.finished'])
})

test('never revoked, it is told each hour until it has ended by itself', async (t) => {
  const begun = await begin(t, {}, 3_500)
  const { it, upstream, step } = begun
  upstream.lifeSeconds = 10_000
  await it.broker.lease(step, db(), grant)
  upstream.on.before = () => {
    throw unreachable()
  }
  await it.broker.endStep(step, { reason: 'finished' })
  await pass(begun, 11_000)
  assert.equal(it.audit.ofType('lease.unrevoked').length, 3)
  const [row] = await rows(begun)
  assert.deepEqual([row?.state, row?.proof], ['expired', 'expired'])
})

test('an upstream that says when to come again is not asked before', async (t) => {
  const begun = await begin(t)
  const { it, upstream, step } = begun
  await it.broker.lease(step, db(), grant)
  upstream.on.before = () => {
    throw new UpstreamBusy('upstream.test answers 429', 90_000)
  }
  await it.broker.endStep(step, { reason: 'finished' })
  await it.broker.idle()
  assert.equal(((await rows(begun))[0]?.due_ms ?? 0) - it.clock.ms, 90_000)
})

test('revoked, and it still works: asked again until it is dead', async (t) => {
  const begun = await begin(t)
  const { it, upstream, step } = begun
  await it.broker.lease(step, db(), grant)
  const { revoke } = upstream.issuer
  upstream.issuer.revoke = async () => 'revoked'
  await it.broker.endStep(step, { reason: 'finished' })
  await it.broker.idle()
  const [row] = await rows(begun)
  assert.deepEqual(
    [row?.state, row?.failure],
    ['revoking', 'its upstream says that it was revoked, and it still works'],
  )
  upstream.issuer.revoke = revoke
  await pass(begun, 60)
  assert.equal((await rows(begun))[0]?.proof, 'probed')
})

test('what ends by its expiry alone stays until then, and a run does not wait for it', async (t) => {
  const begun = await begin(t, { revocation: { means: 'by_expiry' } })
  const { it, upstream, step, session } = begun
  upstream.lifeSeconds = 3_600
  const lease = await it.broker.lease(step, db(), grant)
  assert.equal(lease.expiresMs, step.expiresMs)
  await it.broker.endSession(session, 'finished')
  await it.broker.idle()
  await delivered(it)
  assert.equal(it.audit.types().at(-1), 'run.finished')
  const [row] = await rows(begun)
  assert.deepEqual([row?.state, row?.expires_ms], ['revoking', startMs + 3_600_000])
  await pass(begun, 3_500)
  assert.deepEqual((await rows(begun))[0]?.state, 'revoking')
  await pass(begun, 200)
  assert.deepEqual((await rows(begun))[0]?.state, 'expired')
  assert.deepEqual(upstream.asked, ['mint', 'revoke', 'revoke'])
  assert.equal(it.audit.ofType('lease.revoked')[0]?.data['proof'], 'expired')
})

test('a credential that ends before its step is renewed before that, and nobody waits for it', async (t) => {
  for (const renews of [true, false]) {
    const begun = await begin(t, { renews })
    const { it, upstream, step } = begun
    upstream.lifeSeconds = 300
    const first = await it.broker.lease(step, db(), grant)
    it.clock.ms += 239_000
    assert.equal(await it.broker.lease(step, db(), grant), first)
    it.clock.ms += 2_000
    assert.equal(await it.broker.lease(step, db(), grant), first, 'it is good for a minute yet')
    while (it.audit.ofType('lease.renewed').length === 0) await new Promise((next) => setImmediate(next))
    await delivered(it)
    const second = await it.broker.lease(step, db(), grant)
    assert.notEqual(second.authorization?.reveal(), first.authorization?.reveal())
    assert.equal(second.id === first.id, renews)
    assert.equal(it.audit.ofType('lease.issued').length, renews ? 1 : 2)
    if (!renews) {
      assert.deepEqual(upstream.living().length, 2)
      await pass(begun, 61)
      assert.deepEqual(upstream.living(), [`${second.id}-1`])
    }
    await it.broker.endStep(step, { reason: 'finished' })
    await it.broker.idle()
    if (!renews) assert.deepEqual(upstream.living(), [])
  }
})

test('a renewal that fails leaves the credential that there is, until it ends', async (t) => {
  const { it, upstream, step } = await begin(t, { renews: true })
  upstream.lifeSeconds = 300
  const first = await it.broker.lease(step, db(), grant)
  upstream.on.before = () => {
    throw unreachable()
  }
  it.clock.ms += 299_000
  assert.equal(await it.broker.lease(step, db(), grant), first)
  it.clock.ms += 1_000
  await assert.rejects(it.broker.lease(step, db(), grant), code('upstream_unreachable'))
  upstream.on.before = () => undefined
  it.clock.ms += 30_000
  assert.notEqual(await it.broker.lease(step, db(), grant), first)
})

test('an upstream whose clock is far behind: what it gives has ended, is refused, and is revoked', async (t) => {
  const { it, upstream, step } = await begin(t)
  upstream.lifeSeconds = -5
  await assert.rejects(it.broker.lease(step, db(), grant), code('credential_failed', /has ended already/))
  await it.broker.idle()
  assert.equal(it.audit.ofType('lease.issued').length, 0)
})

test('the step ends while its credential is made: it is never handed out, and is revoked', async (t) => {
  const { it, upstream, step } = await begin(t)
  const { held, release } = latch()
  upstream.on.after = (phase) => (phase === 'mint' ? held : undefined)
  const refused = assert.rejects(it.broker.lease(step, db(), grant), code('revoked'))
  while (upstream.living().length === 0) await new Promise((next) => setImmediate(next))
  await it.broker.endStep(step, { reason: 'cancelled' })
  release()
  await refused
  await it.broker.idle()
  assert.deepEqual(upstream.living(), [])
  assert.equal(it.audit.ofType('lease.issued').length, 0)
})

test('the log is down: nothing is handed out, and what was made is revoked', async (t) => {
  const { it, upstream, step } = await begin(t)
  it.audit.down = true
  await assert.rejects(it.broker.lease(step, db(), grant), code('audit_unavailable'))
  await it.broker.idle()
  assert.deepEqual(upstream.living(), [])
})

test('a connection that is gone from the configuration, and a server that is another: revoked by what the store has', async (t) => {
  const begun = await begin(t, { finds: false })
  const { it, upstream, step } = begun
  await it.broker.lease(step, db(), grant)
  upstream.on.before = () => {
    throw unreachable()
  }
  await it.broker.endStep(step, { reason: 'finished' })
  await it.broker.idle()
  upstream.on.before = () => undefined
  await it.restart()
  await it.broker.sweep()
  await it.broker.idle()
  assert.deepEqual(upstream.living(), [])
})

const withAdmin = () =>
  connection('db', {
    credential: {
      scheme: 'oauth-client',
      config: { ...mintedCredential.config, client_secret: 'secret:deploy' },
    } as typeof mintedCredential,
  })

test('what was minted with a secret ends when that is compromised, also what took its place unasked or is being minted', async (t) => {
  const { it, upstream, session, step } = await begin(t)
  const connection = withAdmin()
  upstream.lifeSeconds = 300
  const first = await it.broker.lease(step, connection, grant)
  it.clock.ms += 245_000
  // It is good for a while yet: the next one is minted behind it, with the value that is in use now.
  assert.equal((await it.broker.lease(step, connection, grant)).id, first.id)
  while (upstream.living().length < 2) await new Promise((next) => setImmediate(next))
  await it.vault.set('deploy', new Secret('a-new-value'))
  const other = await it.broker.openStep(session, stepRequest())
  await it.broker.lease(other, connection, grant)
  const cut: string[] = []
  it.broker.onLeaseEnd((one, name) => cut.push(`${one.id} ${name}`))
  assert.equal((await it.broker.revokeSecret('deploy', 1, 'secret_compromised')).length, 2)
  assert.deepEqual(new Set(cut), new Set([`${step.id} db`]))
  await it.broker.idle()
  await it.broker.heartbeat(step)
  await it.broker.sweep()
  await it.broker.idle()
  const dead = (await rows({ it })).filter(({ revoke_reason }) => revoke_reason === 'secret_compromised')
  assert.deepEqual(
    dead.map(({ state, proof }) => [state, proof]),
    [
      ['revoked', 'probed'],
      ['revoked', 'probed'],
    ],
  )
  assert.equal(upstream.left().length, 1, 'that of the other step, which the new value made')
  // Compromised between the question and its answer.
  const third = await it.broker.openStep(session, stepRequest())
  const { held, release } = latch()
  upstream.on.before = () => held
  const minting = it.broker.lease(third, connection, grant)
  const refused = assert.rejects(minting, code('denied', /revoked while it was made/))
  while (upstream.asked.at(-1) !== 'mint') await new Promise((next) => setImmediate(next))
  assert.equal((await it.broker.revokeSecret('deploy', 2, 'secret_compromised')).length, 2)
  release()
  await refused
  await pass({ it, step }, 600)
  assert.deepEqual(upstream.left(), [])
})

test('a lease whose credential was found somewhere ends alone and at once; who asks again gets another', async (t) => {
  const begun = await begin(t)
  const { it, upstream, step } = begun
  const lost: string[] = []
  it.broker.onLeaseEnd((_, of, byHost) => void lost.push(`${of} ${byHost}`))
  const other = connection('other', { credential: mintedCredential })
  const [first, beside] = [
    await it.broker.lease(step, db(), grant),
    await it.broker.lease(step, other, grant),
  ]
  const which = { lease: first.id, step: step.id, connection: 'db' }
  upstream.on.before = (phase) => {
    if (phase === 'revoke') throw unreachable()
  }
  assert.equal(await it.broker.revokeLease(which, 'found'), true)
  const next = await it.broker.lease(step, db(), grant)
  assert.notEqual(next.id, first.id)
  await it.broker.idle()
  assert.equal(upstream.living().length, 3, 'its upstream does not answer')
  // The same again is of what is over: the next one is not touched.
  assert.equal(await it.broker.revokeLease(which, 'found'), false)
  assert.deepEqual([await it.broker.lease(step, db(), grant), lost], [next, ['db false']])
  upstream.on = {}
  await pass(begun, 120)
  assert.deepEqual(upstream.living().toSorted(), [`${beside.id}-1`, `${next.id}-2`].toSorted())
  assert.deepEqual(
    it.audit.ofType('lease.revoked').map(({ data }) => [data['connection'], data['reason'], data['proof']]),
    [['db', 'found', 'probed']],
  )
})

test('a kept credential that was found ends its lease; what cannot be written is written by a later sweep', async (t) => {
  const { it, step } = await begin(t)
  await it.vault.set('kept', new Secret('kept-value-4711'))
  const kept = connection('kept', { credential: { scheme: 'bearer', secret: 'kept' } as never })
  const lease = await it.broker.lease(step, kept, grant)
  const { writeAll, write } = it.store
  const full = () => Promise.reject(new MayflyError('store_failed', 'the disk is full'))
  Object.assign(it.store, { write: full, writeAll: full })
  const which = { lease: lease.id, step: step.id, connection: 'kept' }
  await assert.rejects(it.broker.revokeLease(which, 'found'), code('store_failed'))
  Object.assign(it.store, { write, writeAll })
  await it.broker.sweep()
  await delivered(it)
  assert.partialDeepStrictEqual(it.audit.ofType('lease.revoked'), [
    { data: { connection: 'kept', reason: 'found' } },
  ])
  assert.notEqual((await it.broker.lease(step, kept, grant)).id, lease.id)
})

test('a lease whose credential was found ends although another one of the step is still being made', async (t) => {
  const { it, step } = await begin(t)
  for (const name of ['kept', 'slow']) await it.vault.set(name, new Secret(`${name}-value-4711`))
  const of = (name: string) => connection(name, { credential: { scheme: 'bearer', secret: name } as never })
  const { opened } = it.vault
  const hanging = Promise.withResolvers<void>()
  Object.assign(it.vault, {
    async opened(...what: Parameters<typeof opened>) {
      if (what[0] === 'slow') await hanging.promise
      return opened(...what)
    },
  })
  const slow = it.broker.lease(step, of('slow'), grant)
  const lease = await it.broker.lease(step, of('kept'), grant)
  assert.equal(
    await it.broker.revokeLease({ lease: lease.id, step: step.id, connection: 'kept' }, 'found'),
    true,
  )
  assert.notEqual((await it.broker.lease(step, of('kept'), grant)).id, lease.id)
  hanging.resolve()
  await slow
})

test('an end that cannot be written keeps no other lease alive', async (t) => {
  const begun = await begin(t)
  const { it, upstream, step } = begun
  const [first, second] = [
    await it.broker.lease(step, db(), grant),
    await it.broker.lease(step, connection('other', { credential: mintedCredential }), grant),
  ]
  upstream.on.before = (phase) => {
    if (phase === 'revoke') throw unreachable()
  }
  const revoke = ({ id, connection: of }: typeof first) =>
    it.broker.revokeLease({ lease: id, step: step.id, connection: of }, 'found')
  await revoke(second)
  await it.store.write((tx) =>
    sql`CREATE TRIGGER full BEFORE UPDATE ON leases WHEN OLD.id = ${sql.lit(first.id)}
        BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`.execute(tx as never),
  )
  await assert.rejects(revoke(first), /the disk is full/)
  upstream.on = {}
  for (let i = 0; i < 10; i++) {
    it.clock.ms += 10_000
    await it.broker.heartbeat(step)
    await assert.rejects(it.broker.sweep(), /the disk is full/)
    await it.broker.idle()
  }
  assert.deepEqual(upstream.living(), [`${first.id}-0`])
})

test('a credential that its host takes no more is revoked and made anew at the next use, once a minute; an older one is not the one in use', async (t) => {
  const { it, upstream, step } = await begin(t)
  const first = await it.broker.lease(step, db(), grant)
  assert.ok(first.authorization !== undefined)
  const lost: unknown[] = []
  it.broker.onLeaseEnd((_, connection, byHost) => void lost.push([connection, byHost]))
  assert.equal(it.broker.isFresh(step, first.authorization), true)
  it.clock.ms += 5_000
  assert.equal(it.broker.isFresh(step, first.authorization), false)
  it.broker.refusedByHost(step, first.authorization)
  assert.equal(it.broker.isFresh(step, first.authorization), false, 'it is not the one in use')
  await it.broker.idle()
  const second = await it.broker.lease(step, db(), grant)
  assert.notEqual(second.id, first.id)
  assert.deepEqual(lost, [['db', true]])
  it.broker.refusedByHost(step, first.authorization)
  assert.equal(await it.broker.lease(step, db(), grant), second)
  assert.ok(second.authorization !== undefined)
  it.broker.refusedByHost(step, second.authorization)
  assert.equal(await it.broker.lease(step, db(), grant), second, 'not one after another')
  it.clock.ms += 60_000
  it.broker.refusedByHost(step, second.authorization)
  await it.broker.idle()
  const third = await it.broker.lease(step, db(), grant)
  assert.notEqual(third.id, second.id)
  it.clock.ms += 60_000
  it.broker.refusedByTool(step, db())
  await it.broker.idle()
  const fourth = await it.broker.lease(step, db(), grant)
  assert.notEqual(fourth.id, third.id, 'a tool says it of what it was handed')
  it.broker.refusedByTool(step, db())
  assert.equal(await it.broker.lease(step, db(), grant), fourth)
  await it.broker.idle()
  assert.equal(upstream.living().length, 1)
  assert.deepEqual(
    it.audit.ofType('lease.revoked').map(({ data }) => data['reason']),
    ['refused_by_host', 'refused_by_host', 'refused_by_host'],
  )
})

test('a credential that its host forbids something is probed, once a minute: a dead one is made anew, as if it had been refused', async (t) => {
  const { it, upstream, step } = await begin(t)
  const lost: unknown[] = []
  it.broker.onLeaseEnd((_, connection, byHost) => void lost.push([connection, byHost]))
  const first = await it.broker.lease(step, db(), grant)
  assert.ok(first.authorization !== undefined)
  const doubt = async () => {
    it.broker.doubtedByHost(step, first.authorization ?? new Secret(''))
    await new Promise((next) => setImmediate(next))
    await it.broker.idle()
    return await it.broker.lease(step, db(), grant)
  }
  assert.equal(await doubt(), first, 'it lives: it may not do that')
  await endThere(upstream)
  assert.equal(await doubt(), first, 'nobody is asked again so soon')
  assert.equal(upstream.asked.filter((phase) => phase === 'probe').length, 1)
  it.clock.ms += 60_000
  upstream.on.before = (phase) => {
    if (phase === 'probe') throw unreachable()
  }
  assert.equal(await doubt(), first, 'nobody can tell')
  it.clock.ms += 60_000
  upstream.on = {}
  assert.notEqual((await doubt()).id, first.id)
  assert.deepEqual(lost, [['db', true]])
  await pass({ it, step }, 1)
  const [ended] = it.audit.ofType('lease.revoked')
  assert.deepEqual([ended?.data['reason'], ended?.data['proof']], ['refused_by_host', 'probed'])
})

test('one that is dead already, and may not even end itself any more, is ended by its probe', async (t) => {
  const { it, upstream, step } = await begin(t)
  await it.broker.lease(step, db(), grant)
  await endThere(upstream)
  upstream.on.before = (phase) => {
    if (phase === 'revoke') throw new MayflyError('credential_failed', 'permission denied (403)')
  }
  await it.broker.endStep(step, { reason: 'finished' })
  await it.broker.idle()
  const [row] = await rows({ it })
  assert.deepEqual([row?.state, row?.proof, row?.attempts], ['revoked', 'probed', 0])
})

/** All that it has made is ended at the upstream, by somebody else. */
async function endThere(upstream: FakeUpstream): Promise<void> {
  for (const id of upstream.living())
    await upstream.issuer.revoke({ handle: { id } } as unknown as Held, {} as IssuerTools)
}

test('an upstream that is too busy to make one has made none: nothing of it is looked for', async (t) => {
  const { it, upstream, step } = await begin(t)
  upstream.on.before = async () => {
    throw new UpstreamBusy('upstream.test is busy (429): again in 31 s', 31_000)
  }
  await assert.rejects(it.broker.lease(step, db(), grant), /is busy \(429\)/)
  assert.deepEqual(await rows({ it }), [])
  upstream.on.before = async () => undefined
  it.clock.ms += 31_000
  assert.ok((await it.broker.lease(step, db(), grant)).authorization !== undefined)
})

test('an upstream that says to come again soon is asked again by itself, for half a minute in all, and not for a step that is over', async (t) => {
  const waits: number[] = []
  let wake = (ms: number) => void (it.clock.ms += ms)
  const { it, upstream, step } = await begin(t, {
    after(ms, callback) {
      // Bounds of one question are not reached.
      if (ms < 30_000) {
        waits.push(ms)
        queueMicrotask(() => {
          wake(ms)
          callback()
        })
      }
      return () => undefined
    },
  })
  let busy = 2
  upstream.on.before = () => {
    if (busy-- > 0) throw new UpstreamBusy('upstream.test is busy (429): again in 9 s', 9_000)
  }
  assert.ok((await it.broker.lease(step, db(), grant)).authorization !== undefined)
  assert.deepEqual(waits, [9_000, 9_000])
  busy = 100
  await assert.rejects(
    it.broker.lease(step, connection('db2', { credential: mintedCredential }), grant),
    /busy/,
  )
  assert.equal(waits.length, 5, 'a fourth wait would be more than 30 s')
  wake = () => void (step.endReason = 'revoked')
  await assert.rejects(it.broker.lease(step, connection('db3', { credential: mintedCredential }), grant), {
    code: 'revoked',
  })
  assert.equal(waits.length, 6)
})

test('a request to make one that its API plainly refuses has made none; one that it may have done is looked for', async () => {
  for (const [status, left] of [
    [401, 0],
    [422, 0],
    [409, 1],
    [408, 1],
  ] as const) {
    const request = {} as MintRequest
    const answer = { status, headers: {}, body: Buffer.alloc(0) }
    const issuer = {
      mint: async (_request: unknown, _plan: unknown, tools: IssuerTools) => {
        await tools.http.ask({ method: 'GET', url: 'https://upstream.test' })
        await tools.http.ask({ method: 'POST', url: 'https://upstream.test' })
        throw new Error('refused')
      },
    } as unknown as CredentialIssuer
    const tools = { http: { ask: async () => answer } } as unknown as IssuerTools
    const said = await askMint(issuer, { ...request, connection: db() }, null, {
      ...{ tools, after: () => () => undefined, late: () => undefined },
    })
    assert.equal(said.said, left === 0 ? 'not_made' : 'failed', String(status))
  }
})

test('what failed before anybody was asked to make one has made none: a secret that is none, an address where nobody is', async () => {
  const nobody = createHttpClient()
  const kinds: readonly (readonly [string, (tools: IssuerTools) => Promise<unknown>])[] = [
    ['not_made', async () => Promise.reject(new Error('no token'))],
    ['not_made', async ({ http }) => http.ask({ method: 'POST', url: 'https://127.0.0.1:1/' })],
    ['not_made', async ({ http }) => http.ask({ method: 'POST', url: 'http://192.0.2.1/' })],
    [
      'failed',
      async ({ http, mayMake }) => {
        mayMake?.()
        return http.ask({ method: 'POST', url: 'https://127.0.0.1:1/' })
      },
    ],
  ]
  for (const [expected, mint] of kinds) {
    const issuer = { mint: async (_: unknown, _plan: unknown, tools: IssuerTools) => mint(tools) }
    const request = { connection: db() } as MintRequest
    const said = await askMint(issuer as unknown as CredentialIssuer, request, null, {
      tools: { http: nobody } as IssuerTools,
      ...{ after: () => () => undefined, late: () => undefined },
    })
    assert.equal(said.said, expected)
  }
})
