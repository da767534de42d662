import { isolationAdvice, probeIsolation } from '../../runner/index.ts'
import type { Check } from './check.ts'
import { runSetup, setupScript } from './setup.ts'

/** Does a step start in its sandbox? Found out by starting one. */
export const checkSandbox: Check = async () => {
  const probe = await probeIsolation()
  if (probe.tier === 'B')
    return {
      name: 'sandbox',
      state: probe.disableUserns ? 'ok' : 'warn',
      says: probe.disableUserns
        ? `tier B: namespaces by ${probe.bwrap}`
        : `tier B by ${probe.bwrap}, which is older than 0.8: the filter alone refuses new namespaces`,
      ...(probe.disableUserns ? {} : { mend: 'install bubblewrap 0.8 or later' }),
    }
  const script = setupScript()
  return {
    name: 'sandbox',
    state: 'fail',
    says: `steps cannot be isolated: ${probe.why}`,
    mend: script === undefined ? isolationAdvice(probe.why) : `bash ${script}, or mayfly doctor --fix`,
    ...(script === undefined ? {} : { fix: () => runSetup(script) }),
  }
}
