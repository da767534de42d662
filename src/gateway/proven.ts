import type { Conditions, ProvenanceDemand } from '../policy/index.ts'
import type { AttestedAnswer, AttestedBy, Brought } from './attested.ts'
import type { Proven } from './exchange.ts'
import type { AllowedOperation } from './permits/entry.ts'

/** Who knows more of what is brought than its handler does. */
export interface Facts {
  isOfRun(digests: readonly string[]): Promise<boolean>
  attested(brought: readonly Brought[], demand: ProvenanceDemand): Promise<AttestedAnswer>
}

export type Fitting =
  | AllowedOperation
  /** `pending`: by then it may be met. */
  | { readonly unmet: string; readonly pending: boolean }

type Met =
  | { readonly attested?: readonly AttestedBy[] }
  | { readonly why: string; readonly pending?: boolean }

/** The first grant whose demands on what is brought are met; people are asked by whoever asks them. */
export async function fittingGrant(
  one: AllowedOperation,
  proven: Proven = {},
  facts: Facts,
): Promise<Fitting> {
  const { grant, conditions, others = [], ...rest } = one
  const asked = createAsked(proven, facts)
  const first = await metBy(conditions ?? {}, asked)
  if (!('why' in first)) return { ...one, ...first }
  for (const other of others) {
    const met = await metBy(other.conditions ?? {}, asked)
    if ('why' in met) continue
    const further = other.conditions === undefined ? {} : { conditions: other.conditions }
    return { ...rest, ...further, ...met, grant: other.source }
  }
  return { unmet: `grant "${grant}" asks for ${first.why}`, pending: first.pending === true }
}

async function metBy(
  { commit, artifact, provenance }: Conditions,
  asked: ReturnType<typeof createAsked>,
): Promise<Met> {
  const { commit: own } = asked.proven
  if (commit !== undefined && own !== 'own')
    return { why: `\`commit: own\`: ${own?.why ?? 'nobody knows which commit this is'}` }
  const made = artifact === undefined ? undefined : await asked.artifact()
  if (made !== undefined) return { why: `\`artifact: run\`: ${made}` }
  if (provenance === undefined) return {}
  const met = await asked.provenance(provenance)
  return 'why' in met ? { ...met, why: `\`provenance\`: ${met.why}` } : met
}

/** What several grants ask is asked once. */
function createAsked(proven: Proven, facts: Facts) {
  const { artifact: brought } = proven
  let ofRun: Promise<string | undefined> | undefined
  let beside: Promise<string | undefined> | undefined

  const saidBeside = () => (beside ??= proven.beside?.() ?? Promise.resolve(undefined))

  async function notOfRun(): Promise<string | undefined> {
    if (brought === undefined) return 'nobody knows what it brings'
    if ('why' in brought) return brought.why
    // What brings nothing brings nothing of others.
    if (brought.length === 0) return saidBeside()
    if (await facts.isOfRun(brought)) return saidBeside()
    const which = brought.length === 1 ? 'this digest' : 'each of these digests'
    return `no earlier step of this run published ${which}, or declared it under \`artifacts\``
  }

  return {
    proven,
    artifact: () => (ofRun ??= notOfRun()),
    async provenance(demand: ProvenanceDemand): Promise<Met> {
      if (brought === undefined) return { why: 'nobody knows what it brings' }
      if ('why' in brought) return brought
      const { images, manifests } = proven
      const answer = await facts.attested(
        brought.map((digest) => {
          const [image, manifest] = [images?.get(digest), manifests?.get(digest)]
          return image === undefined ? { digest } : { digest, image, ...(manifest && { manifest }) }
        }),
        demand,
      )
      if (!answer.ok) return { why: answer.why, pending: answer.pending }
      const why = await saidBeside()
      return why === undefined ? { attested: answer.attested } : { why }
    },
  }
}
