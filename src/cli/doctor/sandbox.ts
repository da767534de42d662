import { isolationAdvice, probeIsolation } from '../../runner/index.ts'
import type { Check, Finding } from './check.ts'
import { runSetup, setupScript } from './setup.ts'

/** Does a step start in its sandbox, and in which tier? Found out by starting one, never from memory. */
export const checkSandbox: Check = async () => {
  const probe = await probeIsolation()
  if (probe.tier === 'none') return missing(probe.why)
  const old = probe.sizedFolders
    ? ''
    : ', which is older than 0.7: its folders in memory have no bound of their own'
  if (probe.tier === 'C')
    return {
      name: 'sandbox',
      state: 'warn',
      says: `tier C ("namespace-no-pid"): ${probe.bwrap}${old}; no process namespace: ${oneLine(probe.why)}. A step sees the command lines of the other processes here (it can neither signal them nor read their memory, environment or files). Roles with isolation: namespace, the default, are refused`,
      mend: isolationAdvice(probe.why),
    }
  const tooOld = !probe.disableUserns || !probe.sizedFolders
  return {
    name: 'sandbox',
    state: tooOld ? 'warn' : 'ok',
    says: probe.disableUserns
      ? `tier B: namespaces by ${probe.bwrap}${old}`
      : `tier B by ${probe.bwrap}, which does not switch nested user namespaces off${old}: the filter alone refuses them`,
    ...(tooOld ? { mend: 'install bubblewrap 0.8 or later' } : {}),
  }
}

function missing(why: string): Finding {
  const script = setupScript()
  const advice = isolationAdvice(why)
  // What a container was started with no script inside can change.
  const isOurs = script !== undefined && /apt-get install|scripts\/setup/.test(advice)
  return {
    name: 'sandbox',
    state: 'fail',
    says: `steps cannot be isolated: ${oneLine(why)}`,
    mend: isOurs ? `bash ${script}, or mayfly doctor --fix` : advice,
    ...(isOurs ? { fix: () => runSetup(script) } : {}),
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, '; ')
}
