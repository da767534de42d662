import type { StepId } from '../lib/index.ts'
import type { Broker, End } from '../broker/index.ts'
import { HttpProblem } from './wire-error.ts'

/** Tells supervisors that their step or session has ended, why and when; and knows who has not heard it yet. */
export interface EndNotices {
  /** The answer to whoever holds this step's token. */
  ofStep(id: StepId | undefined): HttpProblem
  ofSession(end: End | undefined): HttpProblem
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
    untold: () => untold.size,
  }
}

/** `revoked`, with `reason`, a word for programs, and `ended_at` (RFC 3339), as far as they are known. */
function revoked(what: string, end: End | undefined): HttpProblem {
  const members = end && { reason: end.reason, ended_at: new Date(end.endedMs).toISOString() }
  return new HttpProblem({
    status: 403,
    code: 'revoked',
    detail: end === undefined ? `the ${what} has ended` : inWords(end.reason),
    ...(members === undefined ? {} : { members }),
  })
}

function inWords(reason: string): string {
  if (reason.startsWith('revoked_by:')) return `revoked by ${reason.slice('revoked_by:'.length)}`
  const words: Readonly<Record<string, string>> = {
    expired: 'the time of its role is over',
    heartbeat_lost: 'three of its heartbeats were missed',
    server_stopping: 'revoked, because the server was stopped',
    finished: 'it has finished',
    cancelled: 'it was cancelled',
  }
  return words[reason] ?? reason.replaceAll('_', ' ')
}
