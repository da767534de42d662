import type { PipelineFinding } from './finding.ts'

interface Same {
  /** Rules of other tools that say what one of ours says. */
  readonly others: ReadonlySet<string>
  /** They point at another line of the same mistake (`on:` for the checkout), so that the file tells. */
  readonly inFile?: true
}

const same: Readonly<Record<string, Same>> = {
  unpinned: { others: new Set(['zizmor-unpinned-uses', 'zizmor-unpinned-images', 'zizmor-unpinned-tools']) },
  'broad-permissions': { others: new Set(['zizmor-excessive-permissions']) },
  'idle-id-token': { others: new Set(['zizmor-excessive-permissions']) },
  'all-secrets': {
    others: new Set(['zizmor-secrets-inherit', 'zizmor-overprovisioned-secrets', 'poutine-job-all-secrets']),
    inFile: true,
  },
  'self-hosted-fork': {
    others: new Set(['zizmor-self-hosted-runner', 'poutine-pr-runs-on-self-hosted']),
  },
  'fork-secrets': {
    others: new Set(['zizmor-dangerous-triggers', 'poutine-untrusted-checkout-exec']),
    inFile: true,
  },
}

/** Do both speak of the same mistake? */
export function isSame(mine: PipelineFinding, other: PipelineFinding): boolean {
  const known = same[mine.rule.id]
  if (known === undefined || mine.file !== other.file || !known.others.has(other.rule.id)) return false
  // Their ranges may begin at the key in front of ours.
  return known.inFile === true || (other.line <= mine.endLine && other.endLine >= mine.line)
}
