import { MayflyError } from '../lib/index.ts'
import type { StepGrant } from './api-facts.ts'
import type { Notices } from './notices.ts'
import {
  fullTexts,
  likelyTexts,
  limitsOf,
  passedText,
  unheldText,
  watchLimits,
  type LimitName,
  type Running,
  type StepLimits,
  type StepUsage,
} from './sandbox/index.ts'
import type { StepDeps, StepRequest } from './step-request.ts'
import { defaultGraceSeconds, type Outcome } from './supervise.ts'

/** What this step may use up: its role's limits, and the timeout of its line in the pipeline. Throws `bad_input`. */
export function stepLimits({ session }: Pick<StepDeps, 'session'>, request: StepRequest): StepLimits {
  const role = session.roles.find(({ name }) => name === request.role)
  if (role === undefined)
    throw new MayflyError('denied', `the server said nothing of role "${request.role}" and its limits`)
  return limitsOf(role.limits, request.timeoutSeconds)
}

/** Does its role let it make namespaces of its own? */
export function mayNest({ session }: Pick<StepDeps, 'session'>, request: StepRequest): boolean {
  return session.roles.find(({ name }) => name === request.role)?.allow.includes('nested-namespaces') === true
}

/** As timeout(1) has it, and as a shell reports a program that was killed. */
const [timedOutExitCode, killedExitCode] = [124, 137]

/**
 * Ends a step that reaches a limit, and says which. One that ran too long is asked to end first, and has its grace: what it
 * holds (a lock, a half-made release) may be given back.
 */
export function watchStepLimits(deps: {
  notices: Pick<Notices, 'tell'>
  request: StepRequest
  limits: StepLimits
  step: StepGrant
  running: Running
  kill: () => void
}): { stop(): void; name(): LimitName | undefined; outcome(outcome: Outcome, used?: StepUsage): Outcome } {
  const { limits, running, request, step, kill } = deps
  const { tell } = deps.notices
  let told = false
  let grace: NodeJS.Timeout | undefined
  const say = (name: LimitName | 'file') => {
    told = true
    tell(`mayfly: the step was ended: ${passedText(name, limits, request.role)}`)
  }
  const unheld = running.heldBy === 'rlimits' || running.heldBy === 'watch' ? unheldText(limits) : undefined
  if (unheld !== undefined) tell(`mayfly: ${unheld}`)
  const watch = watchLimits({
    limits,
    running,
    passed(name) {
      say(name)
      if (name !== 'time' || !running.signal('SIGTERM')) return kill()
      grace = setTimeout(kill, (step.grace_seconds ?? defaultGraceSeconds) * 1000)
    },
  })
  let name: LimitName | undefined
  return {
    name: () => name,
    stop() {
      clearTimeout(grace)
      watch.stop()
    },
    outcome(outcome, used) {
      if (outcome.reason !== 'finished') return outcome
      const of = { limits, role: request.role, heldBy: running.heldBy }
      // The kernel was quicker than our look.
      name = watch.ended(outcome.exitCode)
      if (name === undefined) {
        const full = fullTexts(of, used)
        const likely = outcome.exitCode === 0 ? [] : likelyTexts(of, { ...watch.seen(), used })
        for (const line of full.length > 0 ? full : likely) tell(`mayfly: ${line}`)
        return outcome
      }
      // A program that wrote past what the kernel lets a file grow to ends by that, and no look has told it.
      if (!told) say(name === 'disk' ? 'file' : name)
      return name === 'time'
        ? { ...outcome, reason: 'timed_out', exitCode: timedOutExitCode }
        : { ...outcome, reason: 'cancelled', exitCode: killedExitCode }
    },
  }
}
