import type { Gathered } from './facts.ts'
import type { Intent } from './rows.ts'
import { isAllVerified } from '../verify/index.ts'
import { attestable, type Statements } from './statement.ts'

export interface AtEnd {
  /** What is to be signed of the step. */
  readonly intents: Intent[]
  /** What later steps of the run that take its files are told: `verified` only if its own provenance shows it. */
  readonly dependencies: 'verified' | null
}

/** Of a step that has ended. `receipts`: of which steps a receipt is made without being asked for. */
export function intentsOf(
  gathered: Gathered,
  receipts: 'published' | 'always',
  { provenanceOf, sbomOf }: Statements,
): AtEnd {
  const { problem } = gathered
  const facts = attestable(gathered.facts)
  const provenance = provenanceOf(facts)
  const hasSubjects = provenance !== undefined
  const hasMade = hasSubjects || gathered.facts.reported.artifacts.length > 0
  const intents: Intent[] = [
    ...(problem === undefined
      ? dueOf({
          provenance: hasSubjects,
          sums: facts.reported.artifacts.length > 0,
          sbom: hasSubjects && sbomOf(facts) !== undefined,
        })
      : [{ kind: 'provenance', state: 'failed', failure: problem } as const]),
    { kind: 'receipt', state: hasMade || receipts === 'always' ? 'due' : 'kept', gathered },
  ]
  const isVerified = problem === undefined && hasSubjects && isAllVerified(provenance)
  return { intents, dependencies: isVerified ? 'verified' : null }
}

function dueOf(kinds: Partial<Record<Intent['kind'], boolean>>): Intent[] {
  return Object.entries(kinds).flatMap(([kind, isDue]) =>
    isDue ? [{ kind: kind as Intent['kind'], state: 'due' as const }] : [],
  )
}
