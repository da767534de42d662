import { MayflyError } from '../lib/index.ts'
import type { ServerApi } from './api.ts'
import type { PendingApproval, SessionGrant } from './api-facts.ts'

/** What waiting takes from outside. */
export interface Waiting {
  readonly tell: (line: string) => void
  readonly cancel: AbortSignal
  /** Rejects when the signal fires. */
  readonly sleep: (ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<unknown>
}

/** Says who can approve, and where. */
export function describeApproval(pending: PendingApproval, tell: (line: string) => void): void {
  const minutes = Math.ceil(pending.expires_in / 60)
  tell(`waiting for approval ${pending.approval_id}, ${minutes} min at most: ${pending.approvers}`)
  tell(`  ${pending.verification_uri}`)
  tell(`  mayfly approve ${pending.approval_id}`)
}

/**
 * Asks until people have answered (RFC 8628, section 3.5). Throws `denied` with the server's sentence if they said no or
 * nothing in time, and when the signal fires; the request itself stands then.
 */
export async function pollUntilAnswered(
  deps: { api: Pick<ServerApi, 'pollApproval'>; pending: PendingApproval } & Omit<Waiting, 'tell'>,
): Promise<SessionGrant> {
  const { api, pending, cancel } = deps
  let waitSeconds = pending.interval
  for (;;) {
    try {
      await deps.sleep(waitSeconds * 1000, undefined, { signal: cancel })
    } catch (cause) {
      throw new MayflyError('denied', `nobody waits for approval ${pending.approval_id} any more`, { cause })
    }
    try {
      const answer = await api.pollApproval(pending)
      if ('access_token' in answer) return answer
      waitSeconds = answer.waitSeconds
    } catch (error) {
      // RFC 8628, section 3.5: a server that does not answer is asked again, less often.
      if (!(error instanceof MayflyError) || error.code !== 'upstream_unreachable') throw error
      waitSeconds = Math.min(60, waitSeconds * 2)
    }
  }
}
