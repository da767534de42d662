import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError } from '../../lib/index.ts'
import { attestWorld, filesSummary, type AttestWorld } from './attestor.fixture.ts'
import type { Attestor, HandedBundle } from './index.ts'
import { digestOf } from './over.fixture.ts'
import { claimMs } from './rows.ts'

const made = {
  published: [{ name: 'pkg:npm/app@1.0.0', digest: `sha256:${digestOf('c')}`, connection: 'npm' }],
}

async function provenanceOf(attestor: Attestor, stepId: string, waitMs = 0): Promise<HandedBundle[]> {
  const { bundles } = await attestor.handed(stepId, waitMs)
  return bundles.filter(({ kind }) => kind === 'provenance')
}

function signedEntries({ it }: AttestWorld) {
  return it.audit.ofType('attestation.signed')
}

test('a step with artifacts: signed at its end, in the audit log before it is handed out, found by digest', async (t) => {
  const world = await attestWorld(t)
  const step = await world.endedStep({ summary: filesSummary() })
  const order: string[] = []
  const { promise: recorded, resolve: record } = Promise.withResolvers<void>()
  world.it.audit.holds.set('attestation.signed', recorded)
  world.fake.after = async () => {
    if (order.push('signed') === 2) setImmediate(() => (order.push('recorded'), record()))
  }
  const handed = await world.attestor.handed(step.id, 5_000)
  order.push('handed')
  assert.deepEqual(order, ['signed', 'signed', 'recorded', 'handed'])
  assert.equal(handed.pending, false)
  const bundleOf = (kind: string) => handed.bundles.find((one) => one.kind === kind)
  assert.equal(handed.bundles.length, 2)
  assert.equal(bundleOf('provenance')?.predicateType, 'https://slsa.dev/provenance/v1')
  const { path, sha256 } = filesSummary().artifacts.files[0] ?? {}
  assert.equal(bundleOf('sums')?.text, `${sha256}  ${path}\n`)
  const entry = signedEntries(world).find(({ data }) => data['predicateType'] !== undefined)
  const { statement, who } = world.fake.signed[0] ?? {}
  assert.equal(who?.san, 'https://ci.example/w')
  assert.equal(entry?.data['step'], step.id)
  const subject = statement?.['subject'] as { name: string; digest: { sha256: string } }[]
  assert.deepEqual(entry?.data['subjects'], [
    { digest: `sha256:${subject[0]?.digest.sha256}`, name: 'dist/app-0.tgz' },
  ])
  const found = (await world.attestor.find({ digest: `sha256:${subject[0]?.digest.sha256}` })).found
  assert.deepEqual(
    found.map(({ bundle, runId, stepId }) => [bundle, runId, stepId]),
    [[bundleOf('provenance')?.bundle, step.session.runId, step.id]],
  )
  assert.deepEqual((await world.attestor.find({ digest: `sha256:${digestOf('0')}` })).found, [])
})

test('a step without artifacts: nothing is signed; its receipt is made when it is asked for', async (t) => {
  const world = await attestWorld(t)
  const step = await world.endedStep()
  assert.deepEqual(await world.attestor.handed(step.id, 100), { bundles: [], failures: [], pending: false })
  await world.attestor.work()
  assert.equal(world.fake.signed.length, 0)
  const receipt = await world.attestor.receipt(step.id, 5_000)
  assert.ok(typeof receipt === 'object' && 'bundle' in receipt, JSON.stringify(receipt))
  assert.equal(receipt.predicateType, 'urn:mayfly:step-receipt:v1')
  const again = await world.attestor.receipt(step.id, 0)
  assert.deepEqual(again, receipt)
  assert.equal(world.fake.signed.length, 1)
})

test('the log is down: nothing is signed, the step ends, and all of it comes later', async (t) => {
  const world = await attestWorld(t)
  world.fake.before = () =>
    Promise.reject(new MayflyError('audit_unavailable', 'the attestation log is away'))
  const step = await world.endedStep({ summary: filesSummary() })
  assert.equal(world.it.store.find('steps', { id: step.id })?.end_reason, 'finished')
  assert.deepEqual(await world.attestor.handed(step.id, 1_000), { bundles: [], failures: [], pending: true })
  world.it.clock.ms += 70_000
  await world.attestor.work()
  const counts = await world.attestor.counts()
  assert.deepEqual([counts.due, counts.late, counts.failed, counts.signed], [3, 3, 0, 0])
  assert.match(counts.why ?? '', /the attestation log is away/)
  assert.equal(signedEntries(world).length, 0)
  world.fake.before = async () => undefined
  world.it.clock.ms += 10 * 60_000
  await world.attestor.work()
  assert.equal((await provenanceOf(world.attestor, step.id)).length, 1)
  assert.equal((await world.attestor.counts()).due, 0)
})

test('the audit log does not take the entry: what was signed is not handed out until it does', async (t) => {
  const world = await attestWorld(t)
  world.fake.after = async () => void (world.it.audit.down = true)
  const step = await world.endedStep({ summary: filesSummary() })
  const handed = await world.attestor.handed(step.id, 1_000)
  assert.deepEqual([handed.bundles.length, handed.pending], [0, true])
  const digest = `sha256:${filesSummary().artifacts.files[0]?.sha256}`
  assert.deepEqual((await world.attestor.find({ digest })).found, [])
  assert.deepEqual(await world.attestor.ofRun(step.session.runId, undefined), { found: [], pending: true })
  world.fake.after = async () => undefined
  world.it.audit.down = false
  world.it.clock.ms += 60_000
  await world.attestor.work()
  assert.equal((await world.attestor.find({ digest })).found.length, 1)
  assert.equal(world.fake.signed.length, 2, 'provenance and receipt, each once')
})

test('killed at any point: at most one bundle of a kind is ever handed out, with one entry', async (t) => {
  const points = ['before', 'after', 'stored', 'recorded'] as const
  for (const point of points) {
    const world = await attestWorld(t)
    const dead = new Error('killed')
    const lost = world.another({
      outbox: () => ({
        ...world.it.broker.outbox,
        write: async (work) => {
          const result = await world.it.broker.outbox.write(work)
          if (point === 'stored') throw dead
          return result
        },
        isDelivered: async (id) => {
          if (point === 'stored') return await new Promise(() => undefined)
          const isThere = await world.it.broker.outbox.isDelivered(id)
          // It dies before it can let the bundle be handed out.
          return point === 'recorded' ? await new Promise(() => undefined) : isThere
        },
      }),
    })
    const step = await world.endedStep({ summary: filesSummary() })
    // A killed process does nothing more: it never comes to put the row off.
    if (point === 'before' || point === 'after') world.fake[point] = () => new Promise(() => undefined)
    void lost.handed(step.id, 50)
    await new Promise((next) => setTimeout(next, 100))
    world.fake.before = world.fake.after = async () => undefined
    const second = world.restarted()
    await second.work()
    if (point !== 'stored') assert.equal((await provenanceOf(second, step.id)).length, 0, 'the claim stands')
    world.it.clock.ms += claimMs + 1
    await second.work()
    const bundles = await provenanceOf(second, step.id)
    assert.equal(bundles.length, 1, point)
    const about = signedEntries(world).filter(
      ({ data }) => data['predicateType'] === bundles[0]?.predicateType,
    )
    assert.equal(about.length, 1, point)
    const { logIndex } = JSON.parse(bundles[0]?.bundle ?? '{}') as { logIndex: number }
    assert.equal(about[0]?.data['logIndex'], logIndex, 'the entry speaks of the bundle that is handed out')
  }
})

test('two servers at once, and one whose claim has lapsed: the bundle of one of them, and never the other’s', async (t) => {
  const world = await attestWorld(t)
  const step = await world.endedStep({ summary: filesSummary() })
  const [one, other] = [world.another(), world.another()]
  let release = () => undefined as void
  const held = new Promise<void>((go) => (release = go))
  world.fake.after = () => held
  const first = one.handed(step.id, 200)
  for (let i = 0; i < 100 && world.fake.signed.length === 0; i++)
    await new Promise((next) => setTimeout(next, 20))
  assert.equal(world.fake.signed.length, 1)
  assert.equal((await other.handed(step.id, 50)).pending, true)
  assert.equal(world.fake.signed.length, 1, 'one claim, one signature')
  await first
  world.it.clock.ms += claimMs + 1
  world.fake.after = async () => undefined
  const bundles = await provenanceOf(other, step.id, 2_000)
  assert.equal(bundles.length, 1)
  release()
  await one.close()
  assert.deepEqual(await provenanceOf(other, step.id), bundles)
  const { predicateType } = bundles[0] ?? {}
  assert.equal(signedEntries(world).filter(({ data }) => data['predicateType'] === predicateType).length, 1)
})

test('before the end: signed while the step has its leases, and the same bundle at its end; a receipt comes after the end', async (t) => {
  const world = await attestWorld(t)
  world.made = { ...world.made, ...made }
  const step = await world.openStep()
  const outcome = { reason: 'finished', exitCode: 0, summary: filesSummary() }
  const early = await world.attestor.beforeEnd(step, outcome, 1_000)
  assert.equal(early.pending, false)
  await world.attestor.work()
  assert.ok(
    (await world.attestor.states({ stepId: step.id })).states.some(
      ({ kind, state }) => kind === 'receipt' && state === 'due',
    ),
  )
  await world.it.broker.endStep(step, outcome)
  assert.deepEqual(await world.attestor.handed(step.id, 0), early)
  world.it.clock.ms += 10_000
  await world.attestor.work()
  const { states } = await world.attestor.states({ stepId: step.id })
  assert.deepEqual(new Set(states.map(({ state }) => state)), new Set(['signed']))
  assert.equal(world.fake.signed.length, 2, 'provenance and receipt')
})

test('signed before the end: the step finished when that was decided, not when its provenance was made', async (t) => {
  const world = await attestWorld(t)
  world.made = { ...world.made, ...made }
  const step = await world.openStep()
  const outcome = { reason: 'finished', exitCode: 0, summary: filesSummary() }
  assert.equal(await world.it.broker.decideEnd(step, outcome), true)
  const decided = new Date(world.it.clock.ms).toISOString()
  world.it.clock.ms += 60_000
  await world.attestor.beforeEnd(step, outcome, 1_000)
  const provenance = world.fake.signed[0]?.statement
  assert.ok(provenance !== undefined)
  const { predicate } = provenance as { predicate: { runDetails: { metadata: { finishedOn: string } } } }
  assert.equal(Date.parse(predicate.runDetails.metadata.finishedOn), Date.parse(decided))
})

test('a failed step: its files are not attested; what a registry took is, with how the step ended', async (t) => {
  const world = await attestWorld(t)
  const files = await world.endedStep({ exitCode: 1, summary: filesSummary() })
  assert.deepEqual((await world.attestor.handed(files.id, 1_000)).bundles, [])
  world.made = { ...world.made, ...made }
  const step = await world.endedStep({ exitCode: 3, summary: filesSummary() })
  const { bundles } = await world.attestor.handed(step.id, 1_000)
  const { statement } = JSON.parse(bundles[0]?.bundle ?? '{}') as { statement: Record<string, unknown> }
  assert.deepEqual(
    (statement['subject'] as { name: string }[]).map(({ name }) => name),
    ['pkg:npm/app@1.0.0'],
  )
  assert.match(JSON.stringify(statement['predicate']), /"exitCode":3,.*"outcome":"failure"/)
})

test('a list of artifacts that is not the one of the end, or not whole: nothing declared is attested, and it says why', async (t) => {
  const world = await attestWorld(t)
  const cut = { artifacts: { ...filesSummary().artifacts, count: 200 } }
  const step = await world.endedStep({ summary: cut })
  const handed = await world.attestor.handed(step.id, 1_000)
  assert.deepEqual([handed.bundles.length, handed.pending], [0, false])
  assert.match(handed.failures[0] ?? '', /of 200 artifacts only 1 are known by name/)
  assert.equal((await world.attestor.counts()).failed, 1)
})

test('retry: an operator asks again at once for what waits', async (t) => {
  const world = await attestWorld(t)
  world.fake.before = () => Promise.reject(new Error('the HSM is away'))
  const step = await world.endedStep({ summary: filesSummary() })
  for (let i = 0; i < 5; i++) {
    world.it.clock.ms += 600_000
    await world.attestor.work()
  }
  world.fake.before = async () => undefined
  await world.attestor.work()
  assert.equal((await world.attestor.handed(step.id, 0)).bundles.length, 0, 'it waits for its time')
  assert.equal(await world.attestor.retry(), 3)
  await world.attestor.work()
  assert.equal((await provenanceOf(world.attestor, step.id)).length, 1)
})

test('a clock that was put back keeps nothing for ever', async (t) => {
  const world = await attestWorld(t)
  world.it.clock.ms += 86_400_000
  world.fake.before = () => Promise.reject(new Error('away'))
  const step = await world.endedStep({ summary: filesSummary() })
  await world.attestor.work()
  world.it.clock.ms -= 86_400_000
  world.fake.before = async () => undefined
  await world.attestor.work()
  assert.equal((await provenanceOf(world.attestor, step.id)).length, 1)
})

test('the disk is full: the step cannot end before it has room, and then has all that is due', async (t) => {
  const world = await attestWorld(t)
  world.it.disk.full = true
  const step = await world.endedStep().catch(() => undefined)
  assert.equal(step, undefined)
  world.it.disk.full = false
  const later = await world.endedStep({ summary: filesSummary() })
  world.fake.after = async () => void (world.it.disk.full = true)
  assert.equal((await world.attestor.handed(later.id, 1_000)).bundles.length, 0)
  world.fake.after = async () => undefined
  world.it.disk.full = false
  world.it.clock.ms += claimMs + 1
  await world.attestor.work()
  assert.equal((await provenanceOf(world.attestor, later.id)).length, 1)
})

test('ofRun waits for what is due about the digest, and no longer than it is told', async (t) => {
  const world = await attestWorld(t)
  const waiting: (() => void)[] = []
  world.fake.before = () => new Promise<void>((go) => void waiting.push(go))
  const step = await world.endedStep({ summary: filesSummary() })
  const { runId } = step.session
  void world.attestor.handed(step.id, 10)
  // Answered while the signer still holds everything.
  assert.equal((await world.attestor.ofRun(runId, undefined, 100)).pending, true)
  const asking = world.attestor.ofRun(runId, undefined, 5_000)
  for (const go of waiting) go()
  const { found, pending } = await asking
  assert.deepEqual([found.length, pending], [2, false])
})

test('retention: bundles go, their state and the entry of their removal stay', async (t) => {
  const world = await attestWorld(t)
  const attestor = world.another({ retentionMs: () => 3_600_000 })
  const step = await world.endedStep({ summary: filesSummary() })
  await attestor.handed(step.id, 1_000)
  await attestor.work()
  world.it.clock.ms += 3_700_000
  await attestor.work()
  assert.equal((await attestor.find({ runId: step.session.runId })).found.length, 0)
  const { states } = await attestor.states({ stepId: step.id })
  assert.deepEqual(states.map(({ state, removedMs }) => [state, removedMs !== undefined]).slice(0, 1), [
    ['signed', true],
  ])
  assert.ok((world.it.audit.ofType('attestations.removed')[0]?.data['removed'] as number) >= 1)
})

test('a server was killed before it had recorded all that the step was given: its provenance says so', async (t) => {
  const world = await attestWorld(t)
  world.made = { ...made, materials: [], materialsIncomplete: true }
  const step = await world.endedStep()
  assert.equal((await provenanceOf(world.attestor, step.id, 5_000)).length, 1)
  assert.match(JSON.stringify(world.fake.signed[0]?.statement), /"dependenciesIncomplete":true/)
})
