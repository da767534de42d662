import type { Clock } from '../../lib/index.ts'
import { MayflyError, messageOf } from '../../lib/index.ts'
import type { CredentialIssuer, IssuerTools } from '../../credentials/index.ts'
import { askEnd } from './ask-end.ts'
import type { Due, DueLease } from './due.ts'
import { heldOf, planIn, type Ender, type EnderName, type IssuerName, type Sealing } from './held.ts'
import { judge, type Answer } from './judge.ts'
import type { LeaseRow } from './ledger.ts'
import { createUnmarked } from './unmarked.ts'
import { within, type After } from './within.ts'

/** Ends at their upstreams what is to be revoked, as far as nobody else does. */
export interface Revoker {
  /** Starts what is due. Returns before any upstream has answered; throws what the store throws. */
  run(): Promise<void>
  /** The same, soon, and without a word: what fails is tried again by the next run. */
  soon(): void
  /** These are over, and that could not be written down: their upstreams are asked all the same. */
  unwritten(rows: readonly LeaseRow[]): void
  /** How often an upstream did not confirm an end. */
  failures(): number
  /** Resolves once nothing that was started is under way. */
  idle(): Promise<void>
  close(): Promise<void>
}

export interface IssuerDeps {
  issuerOf: (name: IssuerName) => CredentialIssuer
  tools: IssuerTools
  sealing: Sealing
  clock: Clock
  after: After
  /** In [0, 1). */
  random: () => number
}

/** Of one upstream at once: a slow one holds these, and none of the others'. */
const perUpstream = 8
const atOnce = 64
/** One question, with its probe. */
export const askMs = 30_000
const closeMs = 1_000

export function createRevoker(
  deps: Omit<IssuerDeps, 'issuerOf'> & { due: Due; enderOf: (name: EnderName) => Ender },
): Revoker {
  const { due, clock, sealing, tools, after } = deps
  const busy = new Map<string, number>()
  const working = new Set<Promise<unknown>>()
  let closed = false
  let failures = 0

  const unmarked = createUnmarked({
    clock,
    random: deps.random,
    work,
    ask: async (row) => (await ask(row)).answer.said === 'gone',
  })

  function reserve(connection: string): number {
    const mine = busy.get(connection) ?? 0
    const all = [...busy.values()].reduce((sum, one) => sum + one, 0)
    const free = Math.max(Math.min(perUpstream - mine, atOnce - all), 0)
    busy.set(connection, mine + free)
    return free
  }

  function release(connection: string, count: number): void {
    const left = (busy.get(connection) ?? 0) - count
    if (left > 0) busy.set(connection, left)
    else busy.delete(connection)
  }

  async function fill(connection: string): Promise<void> {
    if (closed) return
    const free = reserve(connection)
    if (free === 0) return
    const taken = await due.take(connection, free).catch(async (error: unknown) => {
      release(connection, free)
      unmarked.end(await due.waiting(connection, free))
      throw error
    })
    release(connection, free - taken.length)
    for (const lease of taken) {
      const ending = end(lease)
      work(ending)
      void ending.finally(() => {
        release(connection, 1)
        work(fill(connection))
      })
    }
  }

  /** Never throws: what could not be written down is claimed until the claim lapses, and then asked again. */
  async function end(lease: DueLease): Promise<void> {
    const { answer, endsByItself } = await ask(lease)
    if (answer.said === 'failed') failures++
    const next = judge(lease, answer, endsByItself, clock.nowMs(), deps.random())
    await due.settle(lease, next).then(
      () => unmarked.settled(lease.id),
      () => undefined,
    )
  }

  async function ask(lease: LeaseRow): Promise<{ answer: Answer; endsByItself: boolean }> {
    let endsByItself = false
    try {
      const plan = planIn(lease)
      const issuer = deps.enderOf(plan.issuer)
      endsByItself = issuer.staysUntilRevoked !== true
      const asking = askEnd(issuer, heldOf(lease, plan, sealing), lease, { tools, clock })
      const late = () => new MayflyError('upstream_unreachable', 'its upstream does not answer in time')
      return { answer: await within(after, askMs, asking, late), endsByItself }
    } catch (error) {
      return { answer: { said: 'failed', why: messageOf(error) }, endsByItself }
    }
  }

  function work(one: Promise<unknown>): void {
    const quiet = one.catch(() => undefined)
    working.add(quiet)
    void quiet.finally(() => working.delete(quiet))
  }

  async function run(): Promise<void> {
    if (closed) return
    const connections = await due.connections()
    await Promise.all(connections.map(fill))
  }

  async function idle(): Promise<void> {
    while (working.size > 0) await Promise.all(working)
  }

  return {
    run,
    soon: () => work(run()),
    unwritten: (rows) => unmarked.end(rows),
    failures: () => failures,
    idle,
    async close() {
      closed = true
      // What is asked now is claimed: another server, or the next start, goes on once the claim has lapsed.
      await within(after, closeMs, idle(), () => new Error('still asking')).catch(() => undefined)
    },
  }
}
