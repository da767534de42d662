import { findHolder } from '../../runner/index.ts'
import type { Check } from './check.ts'

/** What holds a step to its role's limits here? Found out by making a control group. */
export const checkLimits: Check = async () => {
  const by = await findHolder()
  if (by === 'rlimits')
    return {
      name: 'limits',
      state: 'warn',
      says: 'no control group can be made: memory and processes are held for each process, and their sum by looking; processors are not held; a program that the kernel refuses memory or a process says so in its own words, and the end of the step names the limit that is likely',
      mend: 'write Delegate=yes and DelegateSubgroup=agent into the service of the CI’s agent (docs/ci.md, Limits)',
    }
  return {
    name: 'limits',
    state: 'ok',
    says: `held by a control group, version ${by === 'cgroup2' ? 2 : 1}`,
  }
}
