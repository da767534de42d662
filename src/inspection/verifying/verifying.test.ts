import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'
import { fakeAudit } from '../../broker/broker.fixture.ts'
import type { Step } from '../../broker/index.ts'
import { policySchema } from '../../config/index.ts'
import { systemClock, type Clock } from '../../lib/index.ts'
import { compileScan } from '../../policy/scan.ts'
import { cases } from '../../scan/liveness/cases.fixture.ts'
import { createVendors } from '../../scan/liveness/index.ts'
import { endsWhenAsked, startVendors, type StandIn } from '../../scan/liveness/vendors.fixture.ts'
import { createKnownSecrets, fingerprintsOf, keysOf } from '../../scan/known/index.ts'
import { fillTemplate, seededRandom } from '../../scan/rules/index.ts'
import { Secret, type StepId } from '../../lib/index.ts'
import type { Store } from '../../store/index.ts'
import { ringSetup } from '../../vault/key-ring.fixture.ts'
import { createInspection, createOutputInspection, createResponse, createScanThreads } from '../index.ts'
import { createGivenNames } from '../given-names.ts'
import { createVendorSecrets } from '../vendor-secrets.ts'
import { loadSeed, type Owner } from '../vault-secrets.ts'
import { createBuckets } from './buckets.ts'
import { createStepVerifying, createVerifier, type VerifyConfig } from './index.ts'
import type { Settled } from './model.ts'

const random = seededRandom(11)
const [github] = cases
assert.ok(github)
const token = () => fillTemplate('ghp_{alnum:30}{github-crc}', random)
const refused = github.dead?.[0] ?? { status: 500 }
const configured: VerifyConfig = { kinds: [github.rule], revoke: [], at: {} }

/** A server of its own on one store, as far as it asks vendors. */
function serverOn(
  store: Store,
  {
    vendors,
    audit,
    config,
    clock,
  }: {
    vendors: StandIn
    audit: ReturnType<typeof fakeAudit>
    config: VerifyConfig
    clock: Clock & { aheadMs: number }
  },
  ring: Parameters<typeof loadSeed>[1],
) {
  const known = createKnownSecrets<Owner>(keysOf(Buffer.alloc(32)))
  const alerts: Record<string, unknown>[] = []
  const seed = () => loadSeed(store, ring)
  const given = createGivenNames({ store, clock, seed })
  const verifier = createVerifier({
    ...{ store, clock, audit: audit.client },
    outbox: {
      write: (work) =>
        store.write(async (tx) => {
          const done = await work(tx, (all) => audit.entries.push(...structuredClone([...all])))
          return done
        }),
    },
    vendors: createVendors({
      ask: (...question) => vendors.ask(...question),
      nowMs: () => Date.now(),
      pause: async () => undefined,
    }),
    secrets: { known: () => known, sweep: async () => undefined },
    ...{ seed, given },
    config: () => config,
    pause: async (ms) => void (clock.aheadMs += ms),
    placeOf: () => undefined,
    alert: async (_, event, data) => void alerts.push({ event, ...data }),
  })
  return { verifier, alerts, known, given }
}

async function setup(t: TestContext, config = configured) {
  const vendors = await startVendors(t, { tls: false })
  vendors.answer = () => github!.alive
  const audit = fakeAudit()
  const clock = { aheadMs: 0, nowMs: () => Date.now() + clock.aheadMs }
  const { server } = ringSetup(t)
  const open = async () => {
    const { store, ring } = await server()
    return { store, ...serverOn(store, { vendors, audit, config, clock }, ring) }
  }
  const [one, two] = [await open(), await open()]
  return { vendors, audit, clock, one, two, store: one.store }
}

const keyOf = (secret: string) => ({
  ...{ rule: github.rule, fingerprint: 'f'.repeat(32), beside: undefined, secret: new Secret(secret) },
})
const asker = { who: 'anna', entryOf: (type: string, data: Record<string, unknown>) => ({ type, data }) }

test('two servers on one store ask once, and revoke once', async (t) => {
  const { vendors, one, two, audit } = await setup(t)
  const key = keyOf(token())
  const first = await one.verifier.verify(key, asker)
  const second = await two.verifier.verify(key, asker)
  assert.deepEqual([first.asked, second.asked, second.whose], ['now', 'before', 'octocat, User'])
  const other = keyOf(token())
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  const { promise: may, resolve: go } = Promise.withResolvers<void>()
  vendors.answer = async () => {
    resolve()
    await may
    return github.alive
  }
  const asking = one.verifier.verify(other, asker)
  await asked
  assert.match((await two.verifier.verify(other, asker)).why ?? '', /another server asks just now/)
  go()
  assert.equal((await asking).state, 'alive')
  assert.equal(vendors.seen.length, 2)
  vendors.answer = endsWhenAsked(github.alive, refused, () => pause(50))
  const ended = await Promise.all([one, two, one, two].map(({ verifier }) => verifier.revoke(key, asker)))
  assert.equal(ended.filter(({ state }) => state === 'revoked').length, 1)
  assert.equal(vendors.seen.filter(({ method }) => method === 'POST').length, 1)
  assert.equal(audit.ofType('scan.revoking').length, 1)
  assert.equal((await two.verifier.revoke(key, asker)).state, 'before')
})

test('each request of a revocation is counted: whoever ends many waits, and the vendor is asked no more than it is to be', async (t) => {
  const { vendors, one, clock } = await setup(t)
  const times: number[] = []
  const answer = endsWhenAsked(github.alive, refused)
  vendors.answer = (asked) => {
    times.push(clock.nowMs())
    return answer(asked)
  }
  const before = clock.aheadMs
  const ended = await Promise.all(
    Array.from({ length: 10 }, async () => (await one.verifier.revoke(keyOf(token()), asker)).state),
  )
  assert.ok(ended.includes('revoked'))
  assert.ok(vendors.seen.length >= 10 && clock.aheadMs > before)
  for (const from of times)
    assert.ok(times.filter((time) => from <= time && time < from + 60_000).length <= 30 + 1)
})

test('what the vendor has ended is told as ended, also where it cannot be recorded', async (t) => {
  const { vendors, one, audit } = await setup(t)
  vendors.answer = endsWhenAsked(github.alive, refused, () => {
    audit.entries.push = () => assert.fail('the disk is full')
  })
  const { state, why } = await one.verifier.revoke(keyOf(token()), asker)
  assert.equal(state, 'revoked')
  assert.match(why ?? '', /it is not recorded: the disk is full/)
})

test('one that lives is told to people once, without itself', async (t) => {
  const { one } = await setup(t)
  const secret = token()
  await one.verifier.verify(keyOf(secret), asker)
  await one.verifier.verify(keyOf(secret), asker)
  assert.partialDeepStrictEqual(one.alerts, [
    { event: 'scan.alive', rule: github.rule, at: 'api.github.com', whose: 'octocat, User' },
  ])
  assert.equal(one.alerts.length, 1)
  assert.ok(!inspect(one.alerts).includes(secret))
})

test('what a step was given is neither asked about nor ended, whichever server gave it', async (t) => {
  const { vendors, one, two } = await setup(t)
  const minted = token()
  const lease = { connection: 'git', step: 'stp_1' as StepId, lease: 'lse_1', untilMs: Date.now() + 600_000 }
  one.given.add({ ...lease, value: new Secret(`Bearer ${minted}`), isKept: false })
  one.given.add({ ...lease, value: new Secret(minted), isKept: false })
  await one.given.sweep()
  const key = keyOf(minted)
  for (const { verifier } of [two, one]) {
    const { state, asked, why, ours } = await verifier.verify(key, asker)
    assert.deepEqual([state, asked, ours?.owner], ['unknown', 'no', { kind: 'credential', ...lease }])
    assert.match(why ?? '', /what a step was given/)
    assert.equal((await verifier.revoke(key, asker)).state, 'not_asked')
  }
  assert.equal(vendors.seen.length, 0)
  assert.equal((await two.verifier.verify(keyOf(token()), asker)).asked, 'now')
})

test('a webhook of the vault is ours, whatever else of the vault its address begins with', async (t) => {
  const { vendors, one } = await setup(t, { kinds: ['slack-webhook'], revoke: [], at: {} })
  const hook = cases.find(({ rule }) => rule === 'slack-webhook')
  assert.ok(hook)
  const add = (secret: string, value: string) =>
    one.known.add(
      `secret 1 ${secret}`,
      { kind: 'secret', secret, version: 1 },
      fingerprintsOf(value, keysOf(Buffer.alloc(32))),
    )
  add('place', 'https://hooks.slack.com')
  for (let i = 0; i < 8; i++) {
    const secret = fillTemplate(hook.secret, random)
    add(`hook-${i}`, secret)
    const { asked, ours } = await one.verifier.verify({ ...keyOf(secret), rule: hook.rule }, asker)
    assert.deepEqual([asked, ours?.owner], ['no', { kind: 'secret', secret: `hook-${i}`, version: 1 }])
  }
  assert.equal(vendors.seen.length, 0)
})

test('a webhook of the vault, or of a step, is ours in each of its spellings', async (t) => {
  const { vendors, one, two } = await setup(t, { kinds: ['discord-webhook'], revoke: [], at: {} })
  const tail = (): string => fillTemplate('{digits:19}/{alnum:68}', random)
  const spellings = (end: string) =>
    ['discord.com/api', 'canary.discord.com/api', 'ptb.discord.com/api/v10', 'discordapp.com/api/v9'].map(
      (place) => `https://${place}/webhooks/${end}`,
    )
  const [kept, given] = [tail(), tail()]
  const inVault = spellings(kept)[3] ?? ''
  const found = await createVendorSecrets()(inVault)
  const owner = { kind: 'secret', secret: 'hook', version: 1 } as const
  one.known.add('secret 1 hook', owner, fingerprintsOf(inVault, keysOf(Buffer.alloc(32)), found))
  const lease = { connection: 'chat', step: 'stp_1' as StepId, lease: 'lse_1', untilMs: Date.now() + 600_000 }
  two.given.add({ ...lease, value: new Secret(spellings(given)[0] ?? ''), isKept: false })
  await two.given.sweep()
  for (const [end, expected] of [
    [kept, owner],
    [given, { kind: 'credential', ...lease }],
  ] as const)
    for (const secret of spellings(end)) {
      const key = { ...keyOf(secret), rule: 'discord-webhook' }
      const { asked, ours } = await one.verifier.verify(key, asker)
      assert.deepEqual([asked, ours?.owner], ['no', expected], secret.slice(0, 40))
    }
  assert.equal(vendors.seen.length, 0)
})

test('what stood beside a key is sent to nobody if it is ours', async (t) => {
  const pair = cases.find(({ rule }) => rule === 'docker-hub-personal-token')
  assert.ok(pair)
  const { vendors, one, two } = await setup(t, { kinds: [pair.rule], revoke: [], at: {} })
  const kept = `prod-${fillTemplate('{hex:32}', random)}`
  const words = 'correct-horse-battery-staple'
  const given = `step-${fillTemplate('{hex:32}', random)}`
  for (const [name, value] of Object.entries({ kept, words }))
    one.known.add(
      `secret 1 ${name}`,
      { kind: 'secret', secret: name, version: 1 },
      fingerprintsOf(value, keysOf(Buffer.alloc(32))),
    )
  const lease = { connection: 'hub', step: 'stp_1' as StepId, lease: 'lse_1', untilMs: Date.now() + 600_000 }
  two.given.add({ ...lease, value: new Secret(given), isKept: false })
  await two.given.sweep()
  const secret = fillTemplate(pair.secret, random)
  const verify = async (beside: string) =>
    await one.verifier.verify({ ...keyOf(secret), rule: pair.rule, beside }, asker)
  for (const [beside, isCertain] of [
    [kept, true],
    [words, false],
    [given, true],
  ] as const) {
    const { asked, why, ours } = await verify(beside)
    assert.deepEqual([asked, ours?.isCertain], ['no', isCertain])
    assert.match(
      why ?? '',
      isCertain ? /^what stood beside it is a secret of the vault/ : /^it is not asked about$/,
    )
  }
  assert.equal(vendors.seen.length, 0)
  await verify('octocat')
  assert.equal(vendors.seen.length, 1)
})

test('what somebody says stood beside it makes no other question of the same secret', async (t) => {
  const { vendors, one } = await setup(t)
  const secret = token()
  const verify = async (beside?: string) =>
    (await one.verifier.verify({ ...keyOf(secret), beside }, asker)).asked
  assert.deepEqual([await verify(), await verify('AKIA'), await verify('x')], ['now', 'before', 'before'])
  vendors.answer = endsWhenAsked(github.alive, refused)
  const revoke = async (beside: string) =>
    (await one.verifier.revoke({ ...keyOf(secret), beside }, asker)).state
  assert.deepEqual([await revoke('y'), await revoke('z')], ['revoked', 'before'])
})

test("a wrong word beside a key that lives does not make it dead, and is nobody else's answer", async (t) => {
  const pair = cases.find(({ rule }) => rule === 'aws-access-key-pair')
  assert.ok(pair)
  const { vendors, one, two } = await setup(t, { kinds: [pair.rule], revoke: [], at: {} })
  const right = fillTemplate(pair.beside ?? '', random)
  const wrong = fillTemplate(pair.beside ?? '', random)
  vendors.answer = ({ headers }) =>
    String(headers.authorization).includes(right) ? pair.alive : (pair.dead?.[0] ?? { status: 500 })
  const key = { ...keyOf(fillTemplate(pair.secret, random)), rule: pair.rule }
  const mistaken = await one.verifier.verify({ ...key, beside: wrong }, asker)
  assert.equal(mistaken.state, 'unknown')
  assert.match(mistaken.why ?? '', /id of a lasting key .* may be another's/)
  const { state, asked } = await two.verifier.verify({ ...key, beside: right }, asker)
  assert.deepEqual([state, asked], ['alive', 'now'])
})

test('whose a secret is stays in the store for its hour; that it was ended, for a year', async (t) => {
  const { vendors, clock, one, two, store } = await setup(t)
  vendors.answer = endsWhenAsked(github.alive, refused)
  const [ended, other] = [keyOf(token()), keyOf(token())]
  await one.verifier.verify(ended, asker)
  await one.verifier.revoke(ended, asker)
  await one.verifier.verify(other, asker)
  const rows = () => store.read.selectFrom('scan_asked').selectAll().execute()
  await two.verifier.sweep()
  assert.ok((await rows()).some(({ answer }) => answer?.includes('octocat')))
  clock.aheadMs += 3_600_001
  await two.verifier.sweep()
  assert.deepEqual(
    (await rows()).map(({ answer, answered_ms }) => [answer, answered_ms]),
    [
      [null, null],
      [null, null],
    ],
  )
  clock.aheadMs += 360 * 86_400_000
  await two.verifier.sweep()
  assert.equal((await rows()).length, 1)
  assert.equal((await two.verifier.revoke(ended, asker)).state, 'before')
  clock.aheadMs += 41 * 86_400_000
  await two.verifier.sweep()
  assert.equal((await rows()).length, 0)
})

test('buckets fill with time, and none with a clock that goes back', () => {
  const clock = { ms: 1_000_000, nowMs: () => clock.ms }
  const buckets = createBuckets(clock, {
    host: { burst: 4, perMinute: 120 },
    all: { burst: 6, perMinute: 120 },
  })
  const take = (host: string) => buckets.take(host, 'anna')
  // Half of it is for whoever comes.
  assert.deepEqual([take('a'), take('a'), take('a'), take('b'), take('b')], [true, true, false, true, false])
  clock.ms -= 500_000
  assert.equal(take('c'), false)
  clock.ms += 1_001
  assert.deepEqual([take('c'), take('c')], [true, false])
})

test('nobody takes the share of others: one who asks without end leaves something for each who comes', () => {
  const clock = { ms: 1_000_000, nowMs: () => clock.ms }
  const pace = { burst: 20, perMinute: 40 }
  const buckets = createBuckets(clock, { host: pace, all: { burst: 1_000, perMinute: 1_000 } })
  const most = (who: string) => {
    let taken = 0
    while (buckets.take('host', who)) taken++
    return taken
  }
  assert.deepEqual([most('anna'), most('role build'), most('bert')], [10, 6, 4])
  // For an hour the first two take whatever they get, each second; who asks once a minute is never refused.
  const asked = { refused: 0, all: 0 }
  for (let second = 1; second <= 3_600; second++) {
    clock.ms += 1_000
    asked.all += most('anna') + most('role build')
    if (second % 60 === 0 && !buckets.take('host', 'carla')) asked.refused++
  }
  assert.equal(asked.refused, 0)
  // Together they have no more than the host is asked.
  assert.ok(asked.all <= 60 * pace.perMinute + pace.burst)
})

type Attributes = Readonly<Record<string, string>>
const push: Attributes = { event: 'push' }

async function inspecting(t: TestContext, config = configured, scan: object = {}) {
  const { vendors, audit, clock, one } = await setup(t, config)
  const scanner = createScanThreads({ clock: systemClock })
  t.after(() => scanner.close())
  const rules = compileScan(policySchema.shape.scan.parse(scan), undefined)
  const begun: Promise<void>[] = []
  const pauses: number[] = []
  const verifying = createStepVerifying(one.verifier, async (ms) => {
    pauses.push(ms)
    clock.aheadMs += ms
  })
  const deps = {
    policy: () => ({ roles: new Map([['build', { scan: rules }]]) }) as never,
    secrets: {
      known: () => one.known,
      sweep: async () => undefined,
      forget: () => undefined,
      given: () => undefined,
    },
    ...{ scanner, approvers: undefined, clock: systemClock, audit: audit.client },
    outbox: {
      write: async (work: (tx: never, add: (all: readonly never[]) => void) => unknown) =>
        work(undefined as never, (all) => void audit.entries.push(...all)),
    } as never,
    response: createResponse({
      compromise: async () => ({ state: 'begun', ended: [] }),
      revokeLease: () => Promise.reject(new Error('none was given')),
    }),
    verifying: {
      wanted: verifying.wanted,
      begin: (...args: Parameters<typeof verifying.begin>) => {
        const one = verifying.begin(...args)
        begun.push(one)
        return one
      },
    },
  }
  const inspection = createInspection(deps)
  const output = createOutputInspection({ ...deps, endStep: async () => undefined })
  const stepOf = (attributes: Attributes) =>
    ({
      ...{ id: `stp_${random()}`, role: 'build', name: 'tests' },
      session: { id: 'ses_1', runId: 'run_1', subject: { issuer: 'github', attributes } },
    }) as unknown as Step
  return {
    ...{ vendors, audit, pauses },
    async send(content: string, attributes: Attributes) {
      const look = inspection.open(stepOf(attributes), {
        ...{ place: 'push', connection: 'git', what: 'octo/app@refs/heads/main' },
        ...{ gone: () => false, waits: () => undefined, tell: () => undefined },
      })
      await look?.add('src/app.env', Buffer.from(content))
      const verdict = await look?.finish()
      await Promise.all(begun)
      return verdict
    },
    async write(content: string, attributes: Attributes) {
      await output.look(stepOf(attributes), 0, Buffer.from(content))
      await Promise.all(begun)
    },
  }
}

test('what rules find in a push and in output is asked about after the decision', async (t) => {
  const it = await inspecting(t)
  const { promise: may, resolve: go } = Promise.withResolvers<void>()
  let types: string[] = []
  it.vendors.answer = async () => {
    types = it.audit.types()
    await may
    return github.alive
  }
  const secret = token()
  setTimeout(go, 50)
  assert.equal((await it.send(`TOKEN=${secret}\n`, push))?.ok, false)
  assert.deepEqual(types, ['scan.found', 'scan.verifying'])
  const [verified] = it.audit.ofType('scan.verified')
  assert.partialDeepStrictEqual(verified?.data, {
    ...{ state: 'alive', rule: github.rule, at: 'api.github.com', step: verified?.data['step'] },
    ...{ place: 'push', path: 'src/app.env:1', can: ['repo', 'read:org'] },
  })
  const shown = token()
  await it.write(`the token is ${shown}\n`, push)
  assert.equal(it.audit.ofType('scan.verified').length, 2)
  for (const one of [secret, shown]) assert.ok(!inspect(it.audit.entries, { depth: 9 }).includes(one))
})

test('a run that strangers may have a hand in asks nothing', async (t) => {
  const it = await inspecting(t, { ...configured, revoke: [github.rule] })
  for (const attributes of [
    { event: 'pull_request' },
    { event: 'pull_request_target' },
    { event: 'workflow_run' },
    { event: 'issue_comment' },
    { event: 'merge_request_event' },
    { event: 'merge_request_event', fork: 'false' },
    { event: 'push', fork: 'true' },
    // A child of a merge request's pipeline; GitLab says whose code it is from 18.4 on.
    { event: 'parent_pipeline' },
    { event: 'parent_pipeline', fork: 'false' },
    { event: 'pipeline' },
    // At Buildkite a webhook may be of a fork.
    { event: 'webhook' },
    { event: 'gollum' },
    { event: 'what_comes_next' },
    { fork: 'true' },
    // Nobody says what started it, nor whose code it is.
    { repository_id: '1' },
    { event: '' },
  ] as Attributes[]) {
    assert.equal((await it.send(`TOKEN=${token()}\n`, attributes))?.ok, false)
    await it.write(`TOKEN=${token()}\n`, attributes)
  }
  assert.equal(it.vendors.seen.length, 0)
  assert.equal(it.audit.ofType('scan.verifying').length, 0)
  assert.equal(it.audit.ofType('scan.found').length, 32)
  await it.send(`TOKEN=${token()}\n`, { fork: 'false' })
  await it.send(`TOKEN=${token()}\n`, push)
  assert.ok(it.vendors.seen.length >= 2)
})

test('only what lives is revoked, and only if its kind is listed for it', async (t) => {
  const content = `TOKEN=${token()}\n`
  const ended = async (config: VerifyConfig, alive: boolean) => {
    const it = await inspecting(t, config)
    it.vendors.answer = alive ? endsWhenAsked(github.alive, refused) : () => refused
    await it.send(content, push)
    return it.vendors.seen.map(({ method, path }) => `${method} ${path}`)
  }
  assert.deepEqual(await ended(configured, true), ['GET /user'])
  const revoking = { ...configured, revoke: [github.rule] }
  assert.deepEqual(await ended(revoking, true), [
    'GET /user',
    'GET /user',
    'POST /credentials/revoke',
    'GET /user',
  ])
  assert.deepEqual(await ended(revoking, false), ['GET /user'])
  // Another kind is listed, and this one is not asked about.
  assert.deepEqual(await ended({ kinds: ['npm-token'], revoke: [], at: {} }, true), [])
})

test('what a comment or the policy accepts is not asked about', async (t) => {
  const year = new Date().getFullYear()
  const it = await inspecting(t)
  const comment = `mayfly: ignore ${github.rule} until ${year}-12-31 a key of the test server`
  await it.send(`# ${comment}\nTOKEN=${token()}\n`, push)
  assert.equal(it.vendors.seen.length, 0)
  await it.send(`TOKEN=${token()}\n`, push)
  assert.equal(it.vendors.seen.length, 1)
})

const revoking: VerifyConfig = { ...configured, revoke: [github.rule] }
const files = (count: number) => Array.from({ length: count }, () => `TOKEN=${token()}\n`).join('')

test('whatever is asked and lives is ended with the place by which it was asked', async (t) => {
  const it = await inspecting(t, revoking)
  it.vendors.answer = endsWhenAsked(github.alive, refused)
  await it.send(files(10), push)
  assert.deepEqual(it.pauses, [])
  const states = it.audit.ofType('scan.revoked').map(({ data }) => data['state'])
  assert.deepEqual(
    states,
    Array.from({ length: 10 }, () => 'revoked'),
  )
})

test('what a limit keeps from being asked is in the log at once, and is asked later', async (t) => {
  const it = await inspecting(t)
  await it.send(files(13), push)
  const of = (state: string) => it.audit.ofType('scan.verified').filter(({ data }) => data['state'] === state)
  const open = of('unknown')
  assert.equal(open.length, 3)
  for (const { data } of open) {
    assert.match(String(data['why']), /too much is asked at api\.github\.com.*tried again for some minutes/)
    assert.match(String(data['path']), /^src\/app\.env:\d+$/)
  }
  assert.deepEqual([of('alive').length, it.pauses.length], [13, 1])
})

test('what a vendor fails at is tried again; what it refuses for good is not', async (t) => {
  const it = await inspecting(t, revoking)
  const alive = endsWhenAsked(github.alive, refused)
  let failures = 2
  it.vendors.answer = (asked) => (failures-- > 0 ? { status: 503, text: 'later' } : alive(asked))
  await it.send(files(1), push)
  const states = (type: string) => it.audit.ofType(type).map(({ data }) => data['state'])
  assert.deepEqual(
    [states('scan.verified'), states('scan.revoked')],
    [['unknown', 'unknown', 'alive'], ['revoked']],
  )
  it.vendors.answer = (asked) => (asked.method === 'POST' ? { status: 422 } : github.alive)
  it.pauses.length = 0
  await it.send(files(1), push)
  assert.deepEqual([states('scan.revoked').at(-1), it.pauses], ['failed', []])
  // It is still asked for an answer of its own after an end that failed: what was known may be so no longer.
  it.vendors.answer = (asked) => (asked.method === 'POST' ? { status: 500 } : github.alive)
  await it.send(files(1), push)
  assert.equal(it.pauses.length, 5)
  assert.deepEqual(
    states('scan.revoked').slice(-6),
    Array.from({ length: 6 }, () => 'failed'),
  )
})

test('whoever gives up says so in the log, and too many that wait are given up at once', async () => {
  const told: string[] = []
  const never = {
    config: () => revoking,
    settle: async () => ({
      verified: { state: 'alive', at: 'api.github.com', asked: 'now' },
      ended: { state: 'not_asked', at: 'api.github.com', why: 'too much is asked', later: true },
    }),
    async recordOpen(_key: unknown, _asker: unknown, { ended }: Settled) {
      told.push(`${ended?.state}: ${ended?.why}`)
    },
  }
  const held = Promise.withResolvers<void>()
  const verifying = createStepVerifying(never as never, () => held.promise)
  const step = { role: 'build', session: { subject: { attributes: push } } } as unknown as Step
  const key = (i: number) => ({ ...keyOf(token()), fingerprint: String(i) })
  const begin = (first: number, count: number) => {
    const keys = Array.from({ length: count }, (_, i) => key(first + i))
    const findings = keys.map(({ fingerprint }) => ({
      finding: { fingerprint, file: 'a', start: { line: 1 } },
    }))
    return verifying.begin(step, 'push', keys, findings as never)
  }
  const all = Array.from({ length: 26 }, (_, i) => begin(20 * i, 20))
  while (told.length < 520) await pause(1)
  const givenUp = () => told.filter((line) => line.endsWith('it is not tried again'))
  assert.ok(givenUp().length >= 20, String(givenUp().length))
  held.resolve()
  await Promise.all(all)
  assert.equal(givenUp().length, 520)
  assert.match(told[0] ?? '', /^not_asked: too much is asked; it is tried again for some minutes$/)
})
