import { MayflyError, messageOf, type Clock } from '../../lib/index.ts'
import type { ServerApi } from '../api.ts'
import type { PendingApproval, SessionGrant } from '../api-facts.ts'
import { describeApproval, pollUntilAnswered, type Waiting } from '../approval.ts'
import { keepRenewed, type Renewal } from '../renewal.ts'
import type { JobFacts, RoleFacts } from '../session-facts.ts'

/**
 * The sessions of one job. Where its CI gives it one identity token, all roles are assumed at the start, and each step's time
 * counts from its opening. Where the CI gives another one whenever it is asked, a role is assumed when a step needs it.
 */
export interface JobSessions {
  /** Waits for people, if they must approve this role first, and says so. Throws `denied`, or when the signal fires. */
  ready(role: string, cancel: AbortSignal): Promise<void>
  /** A session that has this role, for a step that starts now. Throws `denied`. */
  of(role: string): Promise<SessionGrant>
  /** The job, as its issuer says. */
  readonly job: () => JobFacts
  /** What is known of the roles by now; of those that people must approve, perhaps nothing. */
  readonly roles: () => readonly RoleFacts[]
  /** Ends every session, and takes back what was not waited for. */
  end(): Promise<void>
}

type Api = Pick<ServerApi, 'pollApproval' | 'cancelApproval' | 'renew' | 'endSession'>

interface Open {
  readonly session: SessionGrant
  readonly renewal: Renewal
  readonly openedMs: number
}

export interface SessionsDeps extends Waiting {
  readonly api: Api
  readonly answer: SessionGrant | PendingApproval
  readonly clock: Clock
  readonly learn: (token: string) => void
  /** Called before people are waited for. */
  readonly beforeWaiting: () => void
  /** Assumes one more role with another identity token; undefined where the CI gives none. */
  readonly assume: ((role: string) => Promise<SessionGrant | PendingApproval>) | undefined
}

export function createJobSessions(deps: SessionsDeps): JobSessions {
  const { api, answer, tell, clock, learn, assume } = deps
  const open: Open[] = []
  const assuming = new Map<string, Promise<SessionGrant>>()
  const ended = new AbortController()
  const roles = new Map<string, RoleFacts>()
  const refused = new Map<string, string>()
  let facts: JobFacts = { issuer: '', ref_protected: false }
  let approval = 'device_code' in answer ? asked(answer) : undefined
  if (!('device_code' in answer)) {
    keep(answer)
    if (answer.pending !== undefined) {
      approval = asked(answer.pending)
      tell(
        `approval ${answer.pending.approval_id} was asked for, for later steps: ${answer.pending.verification_uri}`,
      )
    }
  }

  function keep(session: SessionGrant): SessionGrant {
    learn(session.access_token)
    const openedMs = clock.nowMs()
    open.push({ session, openedMs, renewal: keepRenewed({ api, grant: session, clock, learn }) })
    facts = session.job
    for (const { role, detail } of session.refused ?? []) refused.set(role, detail)
    for (const role of session.roles) roles.set(role.name, role)
    return session
  }

  /** Asked for from now on, so that what people say is known as soon as they have, however long the steps before take. */
  function asked(pending: PendingApproval): Asked {
    const askedMs = clock.nowMs()
    const opening = pollUntilAnswered({ ...deps, cancel: ended.signal, pending }).then(keep)
    opening.catch(() => undefined)
    let isOpen = false
    opening.then(
      () => (isOpen = true),
      () => (isOpen = true),
    )
    return {
      roles: pending.scope.split(' '),
      pending,
      opening,
      async wait(cancel) {
        if (isOpen) return void (await opening)
        const leftSeconds = pending.expires_in - Math.floor((clock.nowMs() - askedMs) / 1000)
        deps.beforeWaiting()
        describeApproval({ ...pending, expires_in: leftSeconds }, tell)
        await Promise.race([opening, whenAborted(cancel, pending)])
      },
      isOpen: () => isOpen,
    }
  }

  /** One that has it, and if it counts from its own start, most of it. */
  function having(role: string): SessionGrant | undefined {
    return open.findLast(({ session, openedMs }) => {
      if (!session.scope.split(' ').includes(role)) return false
      const fact = session.roles.find(({ name }) => name === role)
      if (session.waits === true || assume === undefined || fact === undefined) return true
      return clock.nowMs() - openedMs < fact.ttl_seconds * 1000 * usedShare
    })?.session
  }

  async function assumeNow(role: string, again: NonNullable<SessionsDeps['assume']>): Promise<SessionGrant> {
    const now = await again(role)
    if ('device_code' in now)
      throw new MayflyError(
        'denied',
        `role "${role}" needs approval since this job began: start the job again`,
      )
    return keep(now)
  }

  return {
    async ready(role, cancel) {
      if (having(role) === undefined && approval?.roles.includes(role) === true) await approval.wait(cancel)
    },
    async of(role) {
      const session = having(role)
      if (session !== undefined) return session
      if (approval?.roles.includes(role) === true) return approval.opening
      if (assume === undefined)
        throw new MayflyError('denied', refused.get(role) ?? `the server gave no session in role "${role}"`)
      const pending = assuming.get(role) ?? assumeNow(role, assume).finally(() => assuming.delete(role))
      assuming.set(role, pending)
      return pending
    },
    job: () => facts,
    roles: () => [...roles.values()],
    async end() {
      ended.abort()
      for (const { renewal } of open) renewal.stop()
      const endings = open.map(({ session }) =>
        api.endSession(session.access_token).catch((error: unknown) => {
          if (error instanceof MayflyError && error.code === 'revoked') return
          tell(`the session could not be ended (${messageOf(error)}); it ends by itself`)
        }),
      )
      if (approval !== undefined && !approval.isOpen())
        endings.push(
          api
            .cancelApproval(approval.pending)
            .catch((error: unknown) => tell(`the request could not be taken back: ${messageOf(error)}`)),
        )
      await atMost(endMs, Promise.all(endings))
    },
  }
}

interface Asked {
  readonly roles: readonly string[]
  readonly pending: PendingApproval
  readonly opening: Promise<SessionGrant>
  wait(cancel: AbortSignal): Promise<void>
  /** Answered, with a yes or a no. */
  isOpen(): boolean
}

/** A session that has used up more of its role's time is not for a step that starts now. */
const usedShare = 0.1

function whenAborted(signal: AbortSignal, { approval_id }: PendingApproval): Promise<never> {
  const cancelled = () => new MayflyError('denied', `cancelled while it waited for approval ${approval_id}`)
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(cancelled())
    signal.addEventListener('abort', () => reject(cancelled()), { once: true })
  })
}

/** A server that is silent has ended the session by its own rule, or will. */
const endMs = 5_000

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([work, enough])
  clearTimeout(timer)
}
