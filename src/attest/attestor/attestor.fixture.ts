import type { TestContext } from 'node:test'
import { sha256Hex } from '../../lib/index.ts'
import { openSession, setup, stepRequest, type Setup } from '../../broker/broker.fixture.ts'
import type { Step, StepOutcome } from '../../broker/index.ts'
import type { Attestor, AttestorDeps } from './index.ts'
import { attestorOver, fakeSigner } from './over.fixture.ts'

type Made = Awaited<ReturnType<AttestorDeps['materials']>>

/** An attestor over a real store and broker. */
export async function attestWorld(t: TestContext) {
  let current: Attestor | undefined
  const it: Setup = await setup(
    t,
    {},
    {
      atEnd: (...given) => world.attestor.atEnd(...given),
      signerOf: () => ({ san: 'https://ci.example/w', issuer: 'https://ci.example', claims: {} }),
    },
  )
  const fake = fakeSigner()
  const world = {
    it,
    fake,
    /** What steps took in and gave out. */
    made: { materials: [], published: [] } as Made,
    /** Of another server, or of this one after it was killed. */
    another(changes: Partial<AttestorDeps> = {}): Attestor {
      const { store, clock, audit, broker } = it
      const over = { store, clock, entries: audit.entries, outbox: () => broker.outbox, fake }
      return attestorOver(over, { materials: async () => world.made, ...changes })
    },
    get attestor(): Attestor {
      current ??= world.another()
      return current
    },
    set attestor(attestor: Attestor) {
      current = attestor
    },
    restarted(): Attestor {
      current = world.another()
      return current
    },
    openStep: async () =>
      await it.broker.openStep(await openSession(it.broker), stepRequest({ policyVersion: 7 })),
    async endedStep(outcome: Partial<StepOutcome> = {}): Promise<Step> {
      const { broker } = it
      const step = await world.openStep()
      await broker.endStep(step, { reason: 'finished', exitCode: 0, ...outcome })
      return step
    },
  }
  t.after(async () => await current?.close())
  return world
}

export type AttestWorld = Awaited<ReturnType<typeof attestWorld>>

/** What a supervisor says at the end of a step that declared files. */
export function filesSummary(count = 1) {
  const files = Array.from({ length: count }, (_, i) => ({
    ...{ path: `dist/app-${i}.tgz`, sha256: sha256Hex(`file ${i}`), bytes: 10 },
  }))
  const sums = files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join('')
  return { artifacts: { files, count, bytes: 10 * count, sha256: sha256Hex(sums) } }
}
