import type { Allowed, Conditions, Operation } from '../policy/index.ts'
import type { Proven } from './exchange.ts'

type AllowedOperation = Allowed & { readonly operation: Operation }

/** The first grant whose demands on what is brought are met; people are asked by whoever asks them. */
export async function fittingGrant(
  one: AllowedOperation,
  proven: Proven = {},
  isOfRun: (digests: readonly string[]) => Promise<boolean>,
): Promise<AllowedOperation | { readonly unmet: string }> {
  const { grant, conditions = {}, others = [], ...rest } = one
  const asked = [conditions, ...others.map((other) => other.conditions ?? {})]
  const needsRun = asked.some(({ artifact }) => artifact !== undefined)
  const facts = {
    commit: proven.commit,
    artifact: needsRun ? await artifactOf(proven.artifact, isOfRun) : undefined,
  }
  const why = unmetBy(conditions, facts)
  if (why === undefined) return one
  const other = others.find((further) => unmetBy(further.conditions ?? {}, facts) === undefined)
  if (other === undefined) return { unmet: `grant "${grant}" asks for ${why}` }
  return {
    ...rest,
    grant: other.source,
    ...(other.conditions === undefined ? {} : { conditions: other.conditions }),
  }
}

function unmetBy(
  { commit, artifact }: Conditions,
  facts: { readonly commit: Proven['commit']; readonly artifact: Known | undefined },
): string | undefined {
  if (commit !== undefined && facts.commit !== 'own')
    return `\`commit: own\`: ${facts.commit?.why ?? 'nobody knows which commit this is'}`
  if (artifact !== undefined && facts.artifact !== 'of the run')
    return `\`artifact: run\`: ${facts.artifact?.why ?? 'nobody knows what it brings'}`
  return undefined
}

type Known = 'of the run' | { readonly why: string }

async function artifactOf(
  brought: Proven['artifact'],
  isOfRun: (digests: readonly string[]) => Promise<boolean>,
): Promise<Known | undefined> {
  if (brought === undefined || 'why' in brought) return brought
  // What brings nothing brings nothing of others.
  if (brought.length === 0 || (await isOfRun(brought))) return 'of the run'
  const which = brought.length === 1 ? 'this digest' : 'each of these digests'
  return { why: `no earlier step of this run published ${which}, or declared it under \`artifacts\`` }
}
