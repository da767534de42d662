import {
  migrateFiles,
  type Ask,
  type Migration,
  type PipelineFile,
  type PolicyDraft,
  type Project,
} from '../pipelines/index.ts'
import type { PlacedFinding } from './placed-finding.ts'

export interface Migrated {
  readonly migrations: readonly Migration[]
  readonly policy: PolicyDraft | undefined
  readonly findings: readonly PlacedFinding[]
}

type Why = NonNullable<ReturnType<NonNullable<Project['stays']>['get']>>

/**
 * Moves the jobs whose roles a policy can have together: where jobs of one role could assume another one that writes more, that asks for
 * what tells its own job apart; where nothing does, or a role does not hold by itself, its job is left, and the rest is moved. `checkout`: all pipeline files of it. `judge`:
 * the policy that these migrations need, and what lint says of it.
 */
export function migrateWithin(
  files: readonly PipelineFile[],
  project: Project,
  checkout: readonly PipelineFile[],
  judge: (migrations: readonly Migration[]) => Omit<Migrated, 'migrations'>,
): Migrated {
  const asks = new Map<string, Set<Ask>>()
  const stays = new Map<string, Why>()
  for (;;) {
    const migrations = migrateFiles(files, { ...project, asks, stays }, checkout)
    const judged = judge(migrations)
    const wrong = judged.findings.filter(
      ({ severity, role, rule }) =>
        severity === 'error' && role !== undefined && ofOneRole.has(rule?.id ?? ''),
    )
    const isMore = askMore(wrong, migrations, asks) || leaveOne(wrong, migrations, stays)
    if (!isMore) return { migrations, ...judged }
  }
}

/** What is wrong with a role itself. The rest is the policy's (an id that nobody has said yet), and no job is left for it. */
const ofOneRole = new Set(['escalation', 'unprotected-ref', 'outsider', 'bare-star', 'moved-tags'])

/** What is not asked for yet; false where nothing is left that could be. */
function askMore(
  wrong: readonly PlacedFinding[],
  migrations: readonly Migration[],
  asks: Map<string, Set<Ask>>,
): boolean {
  let isMore = false
  for (const { role, others = [] } of wrong)
    for (const low of others) {
      const ask = role === undefined ? undefined : tellingApart(migrations, low, role)
      const all = asks.get(role ?? '') ?? new Set()
      if (role === undefined || ask === undefined || all.has(ask)) continue
      asks.set(role, all.add(ask))
      isMore = true
    }
  return isMore
}

/** What the token of the one job says, and that of the other does not. Of GitHub alone: other tokens say less. */
function tellingApart(migrations: readonly Migration[], low: string, high: string): Ask | undefined {
  const homeOf = (name: string) => migrations.find(({ roles }) => roles.some((one) => one.name === name))
  const [one, other] = [homeOf(low), homeOf(high)]
  if (one === undefined || other?.file.ci !== 'github') return undefined
  if (one !== other) return 'workflow'
  const isIn = (name: string) =>
    one.roles.find((role) => role.name === name)?.trust.all['environment'] !== undefined
  return isIn(low) && !isIn(high) ? 'no-environment' : undefined
}

/** The role whose leaving mends most. */
function leaveOne(
  wrong: readonly PlacedFinding[],
  migrations: readonly Migration[],
  stays: Map<string, Why>,
): boolean {
  const pairs = wrong.flatMap(({ role = '', others = [] }) =>
    others.length === 0 ? [[role]] : others.map((low) => [role, low]),
  )
  const counts = new Map<string, number>()
  for (const name of pairs.flat()) counts.set(name, (counts.get(name) ?? 0) + 1)
  const candidates = wrong.flatMap(({ role = '', others = [] }) => [role, ...others])
  const [most] = [...new Set(candidates)]
    .filter(
      (name) => !stays.has(name) && migrations.some(({ roles }) => roles.some((one) => one.name === name)),
    )
    .toSorted((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0))
  const finding = wrong.find(({ role, others = [] }) => role === most || others.some((low) => low === most))
  if (most === undefined || finding === undefined) return false
  stays.set(most, whyOf(finding))
  return true
}

function whyOf({ message, others = [] }: PlacedFinding): Why {
  return {
    why: `the policy that it needs beside the others does not hold: ${message}`,
    instead:
      others.length > 0
        ? 'give both jobs the same environment, branches and tags, or each an environment of its own'
        : 'let it write from one protected branch or tag, by its whole name',
  }
}
