import { durationSeconds, type ScanAction, type ScanConfig, type ScanPlace } from '../config/index.ts'
import { compilePattern } from '../lib/index.ts'
import { operationWaitSeconds } from './grant.ts'

/** What becomes of secrets in what the steps of a role send. */
export interface ScanRules {
  readonly actions: Readonly<Record<ScanPlace, ScanAction>>
  /** What could not be looked at is refused where a finding would be. */
  readonly refusesUnseen: boolean
  /** The group that may let a refused one pass. */
  readonly approvers: string | undefined
  readonly timeoutSeconds: number
  /** Why this finding is none, as the policy says. Without its path nothing allows it that is of some paths alone. */
  allows(
    finding: { readonly fingerprint: string; readonly path: string | undefined },
    nowMs: number,
  ): string | undefined
}

/**
 * What people can live with: a push or a package is refused for what has the form of a credential; an image, which others have made in
 * part, only for what is known to be ours.
 */
const usual: Readonly<Record<ScanPlace, ScanAction>> = {
  push: 'block',
  packages: 'block',
  images: 'known',
  artifacts: 'warn',
  output: 'warn',
}

const dayMs = 86_400_000

/** Of a role what it says itself, then what is said for all, then what is usual. */
export function compileScan(all: ScanConfig | undefined, own: ScanConfig | undefined): ScanRules {
  const action = (place: ScanPlace) => own?.[place] ?? all?.[place] ?? usual[place]
  const timeout = own?.timeout ?? all?.timeout
  const allowed = [...(own?.allow ?? []), ...(all?.allow ?? [])].map(({ finding, path, reason, until }) => ({
    ...{ finding, reason, endMs: Date.parse(until) + dayMs },
    matches:
      path === undefined
        ? () => true
        : (name: string | undefined) => name !== undefined && compilePattern(path).matches(name),
  }))
  return {
    actions: {
      push: action('push'),
      packages: action('packages'),
      images: action('images'),
      artifacts: action('artifacts'),
      output: action('output'),
    },
    refusesUnseen: (own?.unseen ?? all?.unseen) === 'refuse',
    approvers: own?.approvers ?? all?.approvers,
    timeoutSeconds: timeout === undefined ? operationWaitSeconds : durationSeconds(timeout),
    allows: ({ fingerprint, path }, nowMs) =>
      allowed.find((one) => one.finding === fingerprint && nowMs < one.endMs && one.matches(path))?.reason,
  }
}
