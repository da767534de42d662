import { MayflyError, messageOf } from '../lib/index.ts'
import type { PendingApproval, ServerApi, SessionGrant } from './api.ts'

/** What waiting takes from outside. */
export interface Waiting {
  readonly tell: (line: string) => void
  readonly cancel: AbortSignal
  /** Rejects when the signal fires. */
  readonly sleep: (ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<unknown>
}

/**
 * Waits until people have approved (RFC 8628, section 3.5), having said who can and where. Throws `denied` with the
 * server's sentence if they said no or nothing in time, and on ctrl-c, after taking the request back.
 */
export async function awaitApproval(
  deps: {
    api: Pick<ServerApi, 'pollApproval' | 'cancelApproval'>
    pending: PendingApproval
  } & Waiting,
): Promise<SessionGrant> {
  const { api, pending, tell, cancel } = deps
  const minutes = Math.ceil(pending.expires_in / 60)
  tell(`waiting for approval ${pending.approval_id}, ${minutes} min at most: ${pending.approvers}`)
  tell(`  ${pending.verification_uri}`)
  tell(`  mayfly approve ${pending.approval_id}`)
  let waitSeconds = pending.interval
  for (;;) {
    try {
      await deps.sleep(waitSeconds * 1000, undefined, { signal: cancel })
    } catch (cause) {
      await api
        .cancelApproval(pending)
        .catch((error: unknown) => tell(`the request could not be taken back: ${messageOf(error)}`))
      throw new MayflyError('denied', `cancelled while it waited for approval ${pending.approval_id}`, {
        cause,
      })
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
