import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sha256Hex } from '../../lib/index.ts'
import { identity, openSession, stepRequest } from '../../broker/broker.fixture.ts'
import { createStoredRunArtifacts, type Step, type StepOutcome } from '../../broker/index.ts'
import { verifiedProvenance } from '../verify/demands.fixture.ts'
import { judge, type Statement } from '../verify/index.ts'
import { attestWorld, filesSummary, type AttestWorld } from './attestor.fixture.ts'

const [file] = filesSummary().artifacts.files
const sha256 = file?.sha256 ?? ''
const identified = { materials: [], published: [] }
const unheld = {
  published: [],
  materials: [
    { uri: 'pkg:npm/x@1.0.0', digest: { sha256: sha256Hex('x') }, by: 'registry', connection: 'npm' },
  ],
}

interface Dependency {
  readonly name?: string
  readonly annotations: Readonly<Record<string, unknown>>
}

async function inRun(t: Parameters<typeof attestWorld>[0]) {
  const world = await attestWorld(t)
  const { broker, store, clock } = world.it
  const artifacts = createStoredRunArtifacts({ store, clock })
  const open = async (run = '1') => {
    clock.ms += 10
    const session = await openSession(broker, {
      identity: identity({ run: { id: run, attempt: '1', job: 'j' } }),
    })
    return await broker.openStep(session, stepRequest())
  }
  return {
    ...{ world, open },
    /** As the end of a step goes: what it declared is kept as the run's, and then it ends. */
    async end(step: Step, takes: readonly string[] = [], outcome: Partial<StepOutcome> = {}) {
      clock.ms += 10
      await artifacts.add(step, [`sha256:${sha256}`])
      const inputs = takes.map((hex, i) => ({ path: `in-${i}`, sha256: hex, bytes: 1 }))
      const list = { files: inputs, count: inputs.length, bytes: 1, sha256: sha256Hex('inputs') }
      const summary = { ...filesSummary(), ...(takes.length === 0 ? {} : { inputs: list }) }
      await broker.endStep(step, { reason: 'finished', exitCode: 0, summary, ...outcome })
      await world.attestor.handed(step.id, 5_000)
      return step
    },
  }
}

function statementOf({ fake }: AttestWorld, step: Step): Statement {
  const found = fake.signed.find(({ statement }) => JSON.stringify(statement).includes(`/steps/${step.id}"`))
  assert.ok(found !== undefined)
  return found.statement as unknown as Statement
}

function inputsOf(world: AttestWorld, step: Step): Dependency[] {
  const { predicate } = statementOf(world, step) as {
    predicate: { buildDefinition: Record<string, unknown> }
  }
  const all = predicate.buildDefinition['resolvedDependencies'] as Dependency[]
  return all.filter(({ annotations }) => annotations['from'] === 'run')
}

const onItsWord = { from: 'run', reported: true }

function missing(world: AttestWorld, step: Step): readonly string[] {
  const { predicate, subject } = statementOf(world, step)
  const judged = judge(
    [verifiedProvenance({ predicate: predicate as object, subject, key: true })],
    `sha256:${sha256}`,
    { dependencies: 'verified' },
    { nowMs: world.it.clock.ms, own: () => true },
  )
  return judged.ok ? [] : judged.missing
}

test('a file that an earlier step of the run handed on names that step, and meets the demand, step after step', async (t) => {
  const { world, open, end } = await inRun(t)
  const build = await end(await open())
  const pack = await end(await open(), [sha256])
  const release = await end(await open(), [sha256])
  for (const step of [pack, release]) {
    const [input] = inputsOf(world, step)
    const { madeBy, ...rest } = input?.annotations ?? {}
    assert.deepEqual(rest, { from: 'run', verifiedBy: 'run', dependencies: 'verified' })
    // Of two that handed on the same bytes the one that had them first.
    assert.match(String(madeBy), new RegExp(`^https?://.*/runs/${build.session.runId}/steps/${build.id}$`))
    assert.deepEqual(missing(world, step), [])
  }
})

test('what the maker took in unverified stays so, however many steps hand it on', async (t) => {
  const { world, open, end } = await inRun(t)
  world.made = unheld
  const build = await end(await open())
  world.made = identified
  const other = sha256Hex('of the second')
  const pack = await open()
  await createStoredRunArtifacts(world.it).add(pack, [`sha256:${other}`])
  await end(pack, [sha256])
  const release = await end(await open(), [other])
  assert.deepEqual(
    [pack, release].map((step) =>
      inputsOf(world, step).map(({ annotations }) => annotations['dependencies']),
    ),
    [[undefined], [undefined]],
  )
  assert.match(
    missing(world, pack).join(),
    new RegExp(`in-0 of .*${build.id}, whose own dependencies are not all`),
  )
  assert.match(
    missing(world, release).join(),
    new RegExp(`in-0 of .*${pack.id}, whose own dependencies are not all`),
  )
})

test('a digest of another run, of a failed step, of one that had not ended, or of the step itself stays the machine’s word', async (t) => {
  const { world, open, end } = await inRun(t)
  await end(await open('2'))
  await end(await open(), [], { exitCode: 1 })
  await end(await open(), [], { reason: 'timed_out' })
  await end(await open(), [], { reason: 'cancelled' })
  const beside = await open()
  const step = await open()
  await end(beside)
  await end(step, [sha256, sha256Hex('of nobody')])
  assert.deepEqual(
    inputsOf(world, step).map(({ annotations }) => annotations),
    [onItsWord, onItsWord],
  )
  assert.match(missing(world, step).join(), /in-0 on the word of the CI’s machine alone, and 1 more$/)
})

test('of files that are not all named none is taken for held', async (t) => {
  const { world, open, end } = await inRun(t)
  await end(await open())
  const inputs = { files: [{ path: 'in-0', sha256, bytes: 1 }], count: 2, bytes: 2, sha256: sha256Hex('two') }
  const step = await end(await open(), [], { summary: { ...filesSummary(), inputs } })
  assert.match(missing(world, step).join(), /1 that are not named$/)
})
