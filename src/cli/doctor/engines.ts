import { engines, MayflyError } from '../../lib/index.ts'
import { findEngine } from '../../runner/index.ts'
import type { Check, Finding } from './check.ts'

/** Which engines a step may ask for with `isolation: podman` or `docker`. None is needed. */
export const checkEngines: Check = async () =>
  await Promise.all(
    engines.map(async (name): Promise<Finding> => {
      try {
        return {
          name,
          state: 'ok',
          says: `${await findEngine(name).version()}, for steps with isolation: ${name}`,
        }
      } catch (error) {
        if (!(error instanceof MayflyError)) return { name, state: 'warn', says: `${name} does not answer` }
        return { name, state: 'skip', says: 'not installed; only steps that name it need it' }
      }
    }),
  )
