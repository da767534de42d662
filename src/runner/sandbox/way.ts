import type { SandboxPlan } from './plan.ts'

/** How bubblewrap starts a step here. */
export type Way = Pick<SandboxPlan, 'disableUserns' | 'network' | 'ownProcesses' | 'sizedFolders'>

/** What this machine can do. `B`: all namespaces; `C`: without one of processes, and `why`. By bubblewrap. */
export type Probe =
  | ({ readonly tier: 'B'; readonly bwrap: string } & Way)
  | ({ readonly tier: 'C'; readonly bwrap: string; readonly why: string } & Way)
  | { readonly tier: 'none'; readonly why: string }
