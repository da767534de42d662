import { randomBytes } from 'node:crypto'
import { newId, sha256Hex, type Clock } from '../lib/index.ts'
import type { AuditClient } from '../audit/client/index.ts'
import type { Step } from '../broker/index.ts'
import type { Identity } from '../identity/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { Exclusively } from './lock.ts'
import type { News } from './news.ts'
import { approvalEvent, type ApprovalRecords } from './records.ts'
import { grantsOf, type ApprovalRequest, type AskedOperation } from './request.ts'
import { describeRequirements, requirementsFor } from './requirement.ts'
import { stillApproved, whatChanged } from './standing.ts'

/** The gateway's side: an operation of a step waits for a person, while the rest of the step goes on. */
export interface OperationAsking {
  /**
   * Resolves once a person has decided, the time is over, or the step has ended. The request is in the store: after a restart the
   * same operation, asked anew, finds it, and a yes that was given meanwhile. Throws what the log or the store throws.
   */
  ask(asked: OperationAsked): Promise<OperationAnswer>
  /** What waits of a step that has ended is taken back. */
  stepEnded(step: Step): Promise<void>
}

export interface OperationAsked extends Pick<
  AskedOperation,
  'grant' | 'mode' | 'approvers' | 'operations' | 'detail'
> {
  readonly step: Step
  readonly timeoutSeconds: number
  /** Who asked has left: a yes is kept for the same, asked anew. */
  readonly gone: () => boolean
  /** A digest of all that is asked for; undefined where that is not known: no other request is the same then. */
  readonly same: string | undefined
  /** It waits for people: what the step is told of it. */
  readonly waits: (line: string) => void
}

export type OperationAnswer =
  | { readonly ok: true; readonly approval: string; readonly by: readonly string[] }
  | { readonly ok: false; readonly why: string }

const maxOpen = 2_000
/** A step that asks without end must not bury the people. */
const maxOpenOfStep = 10

export function createOperationAsking(deps: {
  records: ApprovalRecords
  audit: AuditClient
  clock: Clock
  rules: RulesHolder
  exclusively: Exclusively
  news: News
}): OperationAsking {
  const { records, audit, clock, exclusively, news } = deps
  const refusals = createRefusals(clock)

  async function ask(asked: OperationAsked): Promise<OperationAnswer> {
    const refused = refusals.of(asked)
    if (refused !== undefined) return { ok: false, why: refused }
    const key = keyOf(asked)
    for (;;) {
      // One after the other in a step, else those that come at once would all find room.
      const found = await exclusively(asked.step.id, () => findOrAdd(asked, key))
      if ('ok' in found) return found
      if (found.state === 'pending') asked.waits(waitingLine(found, deps.rules))
      const answer = await wait(found.id, asked)
      // Another one of its kind had the yes: this one asks anew.
      if (answer !== 'taken') return answer
    }
  }

  async function findOrAdd(asked: OperationAsked, key: string): Promise<ApprovalRequest | OperationAnswer> {
    if (asked.step.endReason !== undefined) return endedWith(asked.step)
    const known = await records.ofOperation(key)
    if (known?.state === 'used' && asked.mode === 'first') return yesTo(known)
    if (known !== undefined && known.state !== 'used') return known
    const { all } = await records.countOpen(identityOf(asked.step))
    const waiting = (await records.openOfStep(asked.step.id)).length
    if (waiting >= maxOpenOfStep || all >= maxOpen)
      return {
        ok: false,
        why: `${waiting} operations of this step and ${all} requests in all wait for approval (at most ${maxOpenOfStep} and ${maxOpen})`,
      }
    return add(asked, key)
  }

  async function add(asked: OperationAsked, key: string): Promise<ApprovalRequest> {
    const { step, timeoutSeconds, grant, mode, approvers, operations, detail } = asked
    const rules = deps.rules.current()
    const now = clock.nowMs()
    const roles = [step.role]
    const made: ApprovalRequest = {
      id: newId<string>('apr'),
      state: 'pending',
      jkt: step.session.jkt,
      identity: identityOf(step),
      roles,
      policyVersion: rules.version,
      grantsDigest: grantsOf(rules, roles).digest,
      runId: step.session.runId,
      createdMs: now,
      expiresMs: Math.min(now + timeoutSeconds * 1000, step.expiresMs),
      endReason: null,
      operation: {
        ...{ grant, mode, operations, detail, ...(approvers === undefined ? {} : { approvers }) },
        ...{ step: step.id, stepName: step.name, session: step.session.id },
      },
    }
    const needs = describeRequirements(requirementsFor(rules.document, made))
    const expires = new Date(made.expiresMs).toISOString()
    await audit.append(approvalEvent('approval.requested', made, { needs, expires }))
    // Nobody polls for it: the code is kept nowhere.
    const code = randomBytes(32).toString('base64url')
    await records.add(made, { code, needs, usesToken: false, operationKey: key })
    return made
  }

  async function wait(id: string, asked: OperationAsked): Promise<OperationAnswer | 'taken'> {
    for (;;) {
      const changed = news.next(id)
      const answer = await exclusively(id, () => settled(id, asked))
      if (answer !== undefined) return answer
      await changed
    }
  }

  /** undefined: it waits. */
  async function settled(id: string, asked: OperationAsked): Promise<OperationAnswer | 'taken' | undefined> {
    const now = await records.find('id', id)
    if (asked.step.endReason !== undefined) {
      // It may have ended while this was being written.
      if (now?.endReason === null) await records.end(now, 'cancelled', 'the step has ended')
      return endedWith(asked.step)
    }
    if (asked.gone()) return { ok: false, why: 'its client has left while it waited for approval' }
    if (now === undefined) return { ok: false, why: `approval ${id} is gone` }
    if (now.state === 'used') return asked.mode === 'first' ? yesTo(now) : 'taken'
    if (now.endReason !== null) {
      const why = `approval ${id}: ${now.endReason}`
      if (now.state === 'denied') refusals.add(asked, why)
      return { ok: false, why }
    }
    if (now.expiresMs <= clock.nowMs()) {
      await records.expire(now)
      const seconds = Math.round((now.expiresMs - now.createdMs) / 1000)
      return { ok: false, why: `approval ${id}: nobody answered within ${seconds} s` }
    }
    const rules = deps.rules.current()
    const changed = whatChanged(rules, now)
    if (changed !== undefined) return end(now, changed)
    if (now.state === 'pending') return undefined
    if (!stillApproved(rules, now, await records.votes(id)))
      return end(now, 'those who approved could no longer do so')
    return (await records.useUp(now)) ? yesTo(now) : 'taken'
  }

  async function end(request: ApprovalRequest, why: string): Promise<OperationAnswer> {
    await records.end(request, 'void', why)
    return { ok: false, why: `approval ${request.id}: ${why}` }
  }

  async function yesTo({ id }: ApprovalRequest): Promise<OperationAnswer> {
    return { ok: true, approval: id, by: (await records.votes(id)).map(({ name }) => name) }
  }

  /** What a yes is good for: this operation of this step, or with `first` all that the grant lets it do, as the role now is. */
  function keyOf({ step, grant, mode, approvers, operations, detail, same }: OperationAsked): string {
    const about = mode === 'first' ? [] : [operations, detail, same ?? newId<string>('req')]
    const role = grantsOf(deps.rules.current(), [step.role]).digest
    return sha256Hex(JSON.stringify([step.id, grant, mode, approvers ?? '', role, ...about]))
  }

  return {
    ask,
    async stepEnded({ id }) {
      refusals.forget(id)
      for (const one of await records.openOfStep(id))
        await exclusively(one.id, () => records.end(one, 'cancelled', 'the step has ended'))
    },
  }
}

/** A person's no stands for a while: tools that fall back to another way ask for the same at once. */
const refusedMs = 60_000

interface Refusals {
  /** Why the same was refused a moment ago. */
  of(asked: OperationAsked): string | undefined
  add(asked: OperationAsked, why: string): void
  forget(step: string): void
}

function createRefusals(clock: Clock): Refusals {
  const ofSteps = new Map<string, Map<string, { why: string; untilMs: number }>>()
  const keyOf = ({ grant, operations, detail }: OperationAsked) => JSON.stringify([grant, operations, detail])
  return {
    of(asked) {
      const known = ofSteps.get(asked.step.id)?.get(keyOf(asked))
      return known !== undefined && known.untilMs > clock.nowMs() ? known.why : undefined
    },
    add(asked, why) {
      const known = ofSteps.get(asked.step.id) ?? new Map<string, { why: string; untilMs: number }>()
      ofSteps.set(asked.step.id, known)
      if (known.size < maxOpen) known.set(keyOf(asked), { why, untilMs: clock.nowMs() + refusedMs })
    },
    forget: (step) => void ofSteps.delete(step),
  }
}

/** For the step's own log: whoever reads it knows why it hangs, and what to do. */
function waitingLine(request: ApprovalRequest, rules: RulesHolder): string {
  const { id, expiresMs, operation } = request
  const needs = describeRequirements(requirementsFor(rules.current().document, request))
  const until = new Date(expiresMs).toISOString().slice(11, 19)
  const what = operation?.operations.join(', ') ?? ''
  return `mayfly: ${what} waits for ${needs} until ${until} UTC: mayfly approve ${id}`
}

function endedWith({ endReason }: Step): OperationAnswer {
  return { ok: false, why: `the step has ended (${endReason})` }
}

/** As far as a session remembers it: enough to say whose run it is. */
function identityOf({ session }: Step): Identity {
  const { issuer, attributes } = session.subject
  const unknown = { id: '', attempt: '', job: '' }
  return { issuer, issuerUrl: '', attributes, run: unknown, claims: {}, tokenId: '', expiresSeconds: 0 }
}
