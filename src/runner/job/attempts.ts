import type { Attempt, JobStep } from './job-step.ts'

/**
 * Tries a step until it succeeds, or may not be tried again. `attempt` does not throw for what a step can do; undefined if
 * it was not begun any more.
 */
export async function tryStep(
  step: Pick<JobStep, 'retries'>,
  attempt: (number: number) => Promise<Attempt | undefined>,
): Promise<Attempt[]> {
  const attempts: Attempt[] = []
  for (let number = 1; number <= step.retries.count + 1; number++) {
    const tried = await attempt(number)
    if (tried === undefined) break
    attempts.push(tried)
    if (!isToBeTriedAgain(tried, step.retries.on)) break
  }
  return attempts
}

function isToBeTriedAgain(attempt: Attempt, on: JobStep['retries']['on']): boolean {
  if (attempt.kind === 'error') return on === undefined || on.includes('infrastructure')
  const { exitCode, outcome } = attempt.result
  // What was ended from outside is not begun again behind its back.
  if (['succeeded', 'cancelled', 'ended'].includes(outcome)) return false
  return on === undefined || on.includes(exitCode)
}
