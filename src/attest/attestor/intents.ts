import type { Gathered } from './facts.ts'
import type { Intent } from './rows.ts'
import { isAllVerified } from '../verify/index.ts'
import { attestable, type Statements } from './statement.ts'

/** What is to be signed of a step that has ended. `receipts`: of which steps a receipt is made without being asked for. */
export function intentsOf(
  gathered: Gathered,
  receipts: 'published' | 'always',
  { provenanceOf, sbomOf }: Statements,
): Intent[] {
  const { problem } = gathered
  const facts = attestable(gathered.facts)
  const hasSubjects = provenanceOf(facts) !== undefined
  const hasMade = hasSubjects || gathered.facts.reported.artifacts.length > 0
  return [
    ...(problem === undefined
      ? dueOf({
          provenance: hasSubjects,
          sums: facts.reported.artifacts.length > 0,
          sbom: hasSubjects && sbomOf(facts) !== undefined,
        })
      : [{ kind: 'provenance', state: 'failed', failure: problem } as const]),
    { kind: 'receipt', state: hasMade || receipts === 'always' ? 'due' : 'kept', gathered },
  ]
}

/** What later steps of the run that take its files are told: `verified` only if its own provenance shows it. */
export function dependenciesOf(
  { facts, problem }: Gathered,
  { provenanceOf }: Pick<Statements, 'provenanceOf'>,
): 'verified' | null {
  const statement = problem === undefined ? provenanceOf(attestable(facts)) : undefined
  return statement !== undefined && isAllVerified(statement) ? 'verified' : null
}

function dueOf(kinds: Partial<Record<Intent['kind'], boolean>>): Intent[] {
  return Object.entries(kinds).flatMap(([kind, isDue]) =>
    isDue ? [{ kind: kind as Intent['kind'], state: 'due' as const }] : [],
  )
}
