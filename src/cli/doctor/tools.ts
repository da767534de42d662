import { accessSync, constants } from 'node:fs'
import type { Check } from './check.ts'
import { runSetup, setupScript } from './setup.ts'

const needed = [
  { name: 'perl', paths: ['/usr/bin/perl'], why: 'it hands the sandbox’s socket out', state: 'fail' },
  { name: 'git', paths: ['/usr/bin/git', '/usr/local/bin/git'], why: 'steps clone with it', state: 'warn' },
] as const

/** Programs of the system, where a step's sandbox has them: in /usr. */
export const checkTools: Check = async () => {
  const script = setupScript()
  return needed.map(({ name, paths, why, state }) => {
    const found = paths.find(isExecutable)
    if (found !== undefined) return { name, state: 'ok' as const, says: found }
    return {
      name,
      state,
      says: `${paths[0]} is missing: ${why}`,
      mend: script === undefined ? `install ${name}` : `bash ${script}, or mayfly doctor --fix`,
      ...(script === undefined ? {} : { fix: () => runSetup(script) }),
    }
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
