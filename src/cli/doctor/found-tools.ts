import { findTools } from '../../runner/index.ts'
import type { Check, Finding } from './check.ts'

/** Tools outside of the system's folders that steps of a job started like this would have (`--tools auto`). */
export const checkFoundTools: Check = async ({ environment, workspace }) => {
  const { folders, left } = findTools(environment, workspace)
  const shown: Finding =
    folders.length === 0
      ? {
          name: 'tools',
          state: 'skip',
          says: 'steps have the programs of /usr and /opt: no others are on PATH',
        }
      : { name: 'tools', state: 'ok', says: `steps may read ${folders.join(', ')}` }
  const hidden = left.map(({ folder, why }): Finding => ({
    name: 'tools',
    state: 'warn',
    says: `${folder} is not shown to steps: ${why}`,
    mend: 'keep tools in a folder of their own, or name it: mayfly run --tools auto --tools FOLDER',
  }))
  return [shown, ...hidden]
}
