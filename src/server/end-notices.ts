import type { StepId } from '../lib/index.ts'
import type { AccessClaims, Broker, End } from '../broker/index.ts'
import { HttpProblem } from './wire-error.ts'

/** Tells supervisors that their step or session has ended, why and when; and knows who has not heard it yet. */
export interface EndNotices {
  /** The answer to whoever holds this step's token. */
  ofStep(id: StepId | undefined): HttpProblem
  ofSession(end: End | undefined): HttpProblem
  /** The same for a token that has expired; undefined where what it stood for has not ended. */
  readonly ofToken: (token: Pick<AccessClaims, 'session' | 'step'>) => HttpProblem | undefined
  /** Steps that this server's stop has ended and whose supervisors have not been told. */
  untold(): number
}

export function createEndNotices(broker: Pick<Broker, 'endOf' | 'onStepEnd'>): EndNotices {
  const untold = new Set<StepId>()
  broker.onStepEnd((step) => {
    if (step.endReason === 'server_stopping') untold.add(step.id)
  })
  return {
    ofStep(id) {
      if (id !== undefined) untold.delete(id)
      return revoked('step', id === undefined ? undefined : broker.endOf({ step: id }))
    },
    ofSession: (end) => revoked('session', end),
    ofToken({ session, step }) {
      const end = broker.endOf(step === undefined ? { session } : { step })
      if (end === undefined) return undefined
      if (step !== undefined) untold.delete(step)
      return revoked(step === undefined ? 'session' : 'step', end)
    },
    untold: () => untold.size,
  }
}

/** `revoked`, with `reason`, a word for programs, and `ended_at` (RFC 3339), as far as they are known. */
function revoked(what: string, end: End | undefined): HttpProblem {
  const members = end && { reason: end.reason, ended_at: new Date(end.endedMs).toISOString() }
  return new HttpProblem({
    status: 403,
    code: 'revoked',
    detail: end === undefined ? `the ${what} has ended` : inWords(end),
    ...(members === undefined ? {} : { members }),
  })
}

function inWords({ reason, role, lifetimeSeconds }: End): string {
  if (reason.startsWith('revoked_by:')) return `revoked by ${reason.slice('revoked_by:'.length)}`
  const words: Readonly<Record<string, string>> = {
    expired:
      role === undefined
        ? 'the time of its role is over'
        : `the time of its role is over: it had ${lifetimeSeconds} s in role "${role}"; give the role a longer ttl, or the step less to do`,
    heartbeat_lost: 'its supervisor was not heard of for too long',
    server_stopping: 'revoked, because the server was stopped',
    output_not_masked:
      'more secrets are in what it writes than are masked, and scan.output of its role says block',
    finished: 'it has finished',
    cancelled: 'it was cancelled',
  }
  return words[reason] ?? reason.replaceAll('_', ' ')
}
