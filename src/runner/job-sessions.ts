import { MayflyError, messageOf, type Clock } from '../lib/index.ts'
import type { PendingApproval, ServerApi, SessionGrant } from './api.ts'
import { awaitApproval, type Waiting } from './approval.ts'
import { keepRenewed, type Renewal } from './renewal.ts'

/** The sessions of one job: one for the roles it has at once, one more when people have approved the others. */
export interface JobSessions {
  /** The session that has this role; waits for people if they must approve it first. Throws `denied`. */
  of(role: string): Promise<SessionGrant>
  /** Ends every session, and takes back what was not waited for. */
  end(): Promise<void>
}

export function createJobSessions(
  deps: {
    api: Pick<ServerApi, 'pollApproval' | 'cancelApproval' | 'renew' | 'endSession'>
    answer: SessionGrant | PendingApproval
    clock: Clock
    learn: (token: string) => void
    /** Called before people are waited for. */
    beforeWaiting?: () => void
  } & Waiting,
): JobSessions {
  const { api, answer, tell, clock, learn } = deps
  const open: { session: SessionGrant; renewal: Renewal }[] = []
  let pending = 'device_code' in answer ? answer : answer.pending
  const askedMs = clock.nowMs()
  if (!('device_code' in answer)) keep(answer)
  if (open.length > 0 && pending !== undefined)
    tell(`approval ${pending.approval_id} was asked for, for later steps: ${pending.verification_uri}`)

  function keep(session: SessionGrant): void {
    learn(session.access_token)
    open.push({ session, renewal: keepRenewed({ api, grant: session, clock, learn }) })
  }

  const having = (role: string) =>
    open.find(({ session }) => session.scope.split(' ').includes(role))?.session

  return {
    async of(role) {
      if (having(role) === undefined && pending !== undefined) {
        const asked = pending
        pending = undefined
        const expires_in = asked.expires_in - Math.floor((clock.nowMs() - askedMs) / 1000)
        deps.beforeWaiting?.()
        keep(await awaitApproval({ ...deps, pending: { ...asked, expires_in } }))
      }
      const session = having(role)
      if (session === undefined)
        throw new MayflyError('denied', `the server gave no session in role "${role}"`)
      return session
    },
    async end() {
      for (const { renewal } of open) renewal.stop()
      const endings = open.map(({ session }) =>
        api.endSession(session.access_token).catch((error: unknown) => {
          if (error instanceof MayflyError && error.code === 'revoked') return
          tell(`the session could not be ended (${messageOf(error)}); it ends by itself`)
        }),
      )
      const left = pending
      pending = undefined
      if (left !== undefined)
        endings.push(
          api
            .cancelApproval(left)
            .catch((error: unknown) => tell(`the request could not be taken back: ${messageOf(error)}`)),
        )
      await atMost(endMs, Promise.all(endings))
    },
  }
}

/** A server that is silent has ended the session by its own rule, or will. */
const endMs = 5_000

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([work, enough])
  clearTimeout(timer)
}
