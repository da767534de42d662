import { messageOf } from '../lib/index.ts'

/** Ends the process whatever `end` does. */
const endWithinMs = 5_000
/** sysexits.h: an internal software error. */
export const faultExitCode = 70

/**
 * What a process does about an error that nobody caught. It is a mistake of ours, after which nothing in memory can be
 * trusted: it is said in full, no new work is taken, what can be ended is ended by `end`, and the process exits with 70 for
 * its supervisor to start it again. No peer should be able to cause one (test/fuzz); this is no way to live with them.
 */
export function onFault(
  tell: (text: string) => void,
  end: () => Promise<void>,
  exit: (code: number) => void = (code) => process.exit(code),
): (error: unknown) => void {
  let ending = false
  async function endAll(): Promise<void> {
    const late = setTimeout(exit, endWithinMs, faultExitCode)
    try {
      await end()
    } catch (error) {
      tell(`and the process could not be ended in order: ${messageOf(error)}`)
    }
    clearTimeout(late)
    exit(faultExitCode)
  }
  return (error) => {
    const stack = error instanceof Error ? (error.stack ?? '') : ''
    tell(`an error that nobody caught ends this process; please report it: ${messageOf(error)}\n${stack}`)
    // A second one while we end changes nothing.
    if (ending) return
    ending = true
    void endAll()
  }
}
