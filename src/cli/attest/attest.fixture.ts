import { createWorld, type World } from '../../attest/verify/world.fixture.ts'
import { parseTrustedRoot } from '../../attest/verify/index.ts'
import { aStep } from '../../attest/statements/facts.fixture.ts'
import { provenanceOf, type StepFacts } from '../../attest/statements/index.ts'
import { readFound, type Found } from './bundles.ts'
import type { Source } from './source.ts'

export const hex = (digit: string) => digit.repeat(64)

export interface Step {
  readonly id?: string
  readonly makes: Readonly<Record<string, string>>
  readonly takes?: Readonly<Record<string, string>>
  readonly facts?: Partial<Omit<StepFacts, 'reported'>>
  readonly reported?: Partial<StepFacts['reported']>
}

const filesOf = (files: Readonly<Record<string, string>>) =>
  Object.entries(files).map(([path, sha256]) => ({ path, sha256, bytes: 3 }))

const { image: _, engine: __, ...inNoContainer } = aStep.reported

/** The provenance of a step as the server makes it. */
export function statementOf({
  id = aStep.step.id,
  makes,
  takes = {},
  facts = {},
  reported = {},
}: Step): Buffer {
  const statement = provenanceOf({
    ...aStep,
    published: [],
    ...facts,
    step: { ...aStep.step, id, ...facts.step },
    reported: { ...inNoContainer, artifacts: filesOf(makes), inputs: filesOf(takes), ...reported },
  })
  return Buffer.from(JSON.stringify(statement))
}

/** Bundles that a world signed about these steps, and where they are found by digest. */
export async function signed(steps: readonly Step[], world?: World) {
  const signing = world ?? (await createWorld())
  const trust = parseTrustedRoot(signing.trustedRoot)
  const bundles = await Promise.all(
    steps.map(async (step) => JSON.stringify(await signing.bundle({ statement: statementOf(step) }))),
  )
  const found = bundles.map((bundle) => readFound(bundle, trust))
  return { world: signing, trust, bundles, found, source: sourceOf(found) }
}

export function sourceOf(found: readonly Found[]): Source {
  const about = (sha256: string) =>
    found.filter(({ statement }) => statement?.subject.some(({ digest }) => digest['sha256'] === sha256))
  return {
    byDigest: async (sha256) => about(sha256),
    ofStep: async () => [],
    foundOfStep: async (id) =>
      found.filter(({ provenance }) => provenance?.internalParameters['stepId'] === id),
  }
}
