import type { SandboxPlan } from './plan.ts'

/** How bubblewrap starts a step here. */
export type Way = Pick<
  SandboxPlan,
  'disableUserns' | 'network' | 'ownProcesses' | 'sizedFolders' | 'ownHostName'
>

/** There if it was remembered and not tried: called when it turns out that it no longer works here. */
interface Remembered {
  readonly forget?: () => void
}

/** What this machine can do. `B`: all namespaces; `C`: without one of processes, and `why`. By bubblewrap. */
export type Probe =
  | ({ readonly tier: 'B'; readonly bwrap: string } & Way & Remembered)
  | ({ readonly tier: 'C'; readonly bwrap: string; readonly why: string } & Way & Remembered)
  | { readonly tier: 'none'; readonly why: string }
