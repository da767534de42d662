import { createGroupScreen, groupsOf } from './group-screen.ts'
import { createLineScreen } from './line-screen.ts'
import type { Screen, ScreenDeps } from './view.ts'

/** `kind`: `one` command, steps one `after` the other, or some `beside` each other. */
export function createScreen(deps: ScreenDeps, kind: 'one' | 'after' | 'beside'): Screen {
  if (kind === 'one') return createPlainScreen(deps, false)
  const groups = groupsOf(deps.variables)
  if (groups !== undefined) return createGroupScreen(deps, groups)
  return kind === 'after' ? createPlainScreen(deps, true) : createLineScreen(deps)
}

/** Each step's output byte for byte as it comes: nothing else is written meanwhile. */
function createPlainScreen({ stdout, stderr, merged, notices }: ScreenDeps, announced: boolean): Screen {
  return {
    open({ name, role, attempt }) {
      if (announced)
        notices.tell(`\nmayfly: step "${name}" as ${role}${attempt > 1 ? `, attempt ${attempt}` : ''}`)
      return {
        stdout,
        stderr,
        merged,
        notices,
        async end(line) {
          notices.end()
          if (announced) notices.tell(line)
        },
      }
    },
    close: async () => undefined,
  }
}
