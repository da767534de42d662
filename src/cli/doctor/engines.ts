import { engines, MayflyError, type Engine } from '../../lib/index.ts'
import { findEngine } from '../../runner/index.ts'
import type { Check, Finding } from './check.ts'

/** How far we have tried it, where that is less than whole. */
const tried: Readonly<Record<Engine, string>> = {
  podman: '',
  docker: '. Mayfly was tried with podman, and with docker only as far as podman speaks its command line',
}

/** Which engines a step may ask for with `isolation: podman` or `docker`. None is needed. */
export const checkEngines: Check = async () =>
  await Promise.all(
    engines.map(async (name): Promise<Finding> => {
      try {
        const engine = findEngine(name)
        const version = await engine.version()
        await engine.answers()
        return { name, state: 'ok', says: `${version}, for steps with isolation: ${name}${tried[name]}` }
      } catch (error) {
        if (!(error instanceof MayflyError)) return { name, state: 'warn', says: `${name} does not answer` }
        return { name, state: 'skip', says: 'not installed; only steps that name it need it' }
      }
    }),
  )
