import { MayflyError, type Clock, type LeaseId } from '../../lib/index.ts'
import type { AuditClient } from '../../audit/client/index.ts'
import type { Connection } from '../../connections/index.ts'
import type { CredentialIssuer, Minted } from '../../credentials/index.ts'
import { leaseIssued } from '../events.ts'
import type { ClientIdentity, Lease, Step } from '../model.ts'
import { askMint, mintMs } from './ask-mint.ts'
import { sealHandle } from './held.ts'
import type { Ledger, Requested } from './ledger.ts'
import {
  heldIn,
  latestMs,
  requestedOf,
  requestOf,
  type Asked,
  type Current,
  type GrantsOf,
} from './request.ts'
import type { IssuerDeps, Revoker } from './revoker.ts'
import { ended, stands } from './stands.ts'
import type { SecretUse } from '../secret-use.ts'
import type { Unsaved } from './unsaved.ts'
import { within } from './within.ts'

export interface MakeDeps extends IssuerDeps {
  readonly ledger: Ledger
  readonly unsaved: Unsaved
  readonly revoker: Revoker
  readonly audit: AuditClient
  readonly server: string
  readonly grantsOf: GrantsOf
  readonly secretUse: Pick<SecretUse, 'before'>
  readonly clientIdentity: (connection: Connection) => Promise<ClientIdentity | undefined>
}

/** Makes credentials: each is known here before it is made, and in the log before anybody has it. */
export interface Make {
  mint(asked: Asked, replaces?: Lease): Promise<Current>
  /** A later end for it, or another in its place: then it is revoked once those who use it have had their time. */
  renew(current: Current, asked: Asked): Promise<Current>
  /** Whether its issuer says that it is. Never throws: what cannot be told is no reason to make another. */
  isDead(current: Current, asked: Asked): Promise<boolean>
}

/** Whoever has the one that was replaced may still be using it. */
const afterUseMs = 60_000

export function createMake(deps: MakeDeps): Make {
  const { ledger, unsaved, revoker, audit, clock, sealing, tools, after } = deps

  async function mint(asked: Asked, replaces?: Lease): Promise<Current> {
    const issuer = deps.issuerOf(asked.credential.scheme)
    const from = deps.secretUse.before(asked.connection)
    const request = requestOf(asked, undefined, clock, deps.grantsOf)
    const plan = issuer.plan(request)
    const requested = requestedOf(asked, request, { plan, from }, issuer, deps)
    await ledger.request(requested)
    const late = (minted: Minted) => void save(requested, minted, false).catch(() => undefined)
    const answer = await askMint(issuer, request, plan, { tools, after, late })
    if (answer.said === 'unusable') {
      await keep(issuer, asked, { requested, plan, minted: bounded(answer.minted, requested.expiresMs) })
      await giveUp(requested.lease, 'not_valid')
      throw answer.error
    }
    if (answer.said !== 'made') {
      // Its row says by when it is looked for, should this not be written.
      const left =
        answer.said === 'not_made' ? ledger.withdraw(requested) : ledger.end(requested.lease, 'not_made')
      await left.catch(() => undefined)
      revoker.soon()
      throw answer.error
    }
    const made = { requested, plan, minted: bounded(answer.minted, requested.expiresMs) }
    await keep(issuer, asked, made)
    const lease = await handOut(asked, made, replaces)
    return { ...made, lease, madeMs: clock.nowMs(), unheard: false }
  }

  /** Durable before anybody has it. What cannot be kept is ended at once, and again once that can be written down. */
  async function keep(
    issuer: CredentialIssuer,
    asked: Asked,
    made: Pick<Current, 'requested' | 'plan' | 'minted'>,
  ): Promise<void> {
    const { requested, minted } = made
    const state = await save(requested, minted, true).catch(async (error: unknown) => {
      await within(after, mintMs, issuer.revoke(heldIn(asked, made), tools), notNow).catch(() => undefined)
      throw error
    })
    if (state === 'ended') throw over(asked.step, clock)
    if (minted.expiresMs > clock.nowMs()) return
    await giveUp(requested.lease, 'not_valid')
    throw new MayflyError(
      'credential_failed',
      `connection "${requested.connection}" gave a credential that has ended already: set its clock and ours`,
    )
  }

  async function save(requested: Requested, minted: Minted, heard: boolean): Promise<'issued' | 'ended'> {
    const { lease } = requested
    let handed = true
    const state = await unsaved
      .write(lease, async () => {
        const handle = sealHandle(sealing, lease, minted.handle)
        const expiresMs = bounded(minted, requested.expiresMs).expiresMs
        const written = await ledger.made(requested, { handle, expiresMs, heard })
        // By then whoever had asked for it has been refused.
        if (!handed) await ledger.end(lease, 'not_recorded')
        return written
      })
      .catch((error: unknown) => {
        handed = false
        throw error
      })
    if (state === 'ended') revoker.soon()
    return state
  }

  /** In the log before it is handed out. */
  async function handOut(
    { step, connection, grant }: Asked,
    { requested, minted }: Pick<Current, 'requested' | 'minted'>,
    replaces?: Lease,
  ): Promise<Lease> {
    const { kind, means } = requested
    const how = {
      ...{ grant, kind, means },
      ...(minted.facts === undefined ? {} : { facts: minted.facts }),
      ...(replaces === undefined ? {} : { replaces: replaces.id }),
    }
    try {
      const lease = leaseOf(requested, minted, step, connection)
      const clientIdentity = await deps.clientIdentity(connection)
      await audit.append(leaseIssued({ ...lease, expiresMs: minted.expiresMs }, step, connection, how))
      if (!stands(step, clock)) throw over(step, clock)
      return { ...lease, clientIdentity }
    } catch (error) {
      await giveUp(requested.lease, step.endReason ?? 'not_recorded').catch(() => undefined)
      throw error
    }
  }

  async function giveUp(lease: string, reason: string): Promise<void> {
    await unsaved.write(lease, () => ledger.end(lease, reason))
    revoker.soon()
  }

  async function renew(current: Current, asked: Asked): Promise<Current> {
    const issuer = deps.issuerOf(asked.credential.scheme)
    if (issuer.renew !== undefined) {
      try {
        return await prolong(issuer, current, asked)
      } catch (error) {
        // It is configured without: nobody was asked.
        if (!(error instanceof MayflyError && error.code === 'config_invalid')) throw error
      }
    }
    const made = await mint(asked, current.lease)
    const dueMs = Math.min(clock.nowMs() + afterUseMs, current.minted.expiresMs)
    const by = { expiresMs: made.minted.expiresMs, lease: made.lease.id, dueMs }
    await unsaved.write(current.lease.id, () => ledger.renewed(current.lease, asked.step, by))
    return made
  }

  async function prolong(issuer: CredentialIssuer, current: Current, asked: Asked): Promise<Current> {
    const { requested, lease } = current
    deps.secretUse.before(asked.connection)
    const request = requestOf(asked, lease.id, clock, deps.grantsOf)
    const untilMs = latestMs(issuer, request, clock)
    if (!(await ledger.renewing(lease.id, untilMs))) throw over(asked.step, clock)
    const asking = issuer.renew?.(request, heldIn(asked, current), tools) ?? Promise.reject(notNow())
    const answer = await within(after, mintMs, asking, notNow).catch((error: unknown) => {
      current.unheard = true
      // What comes too late is kept for its end.
      void asking.then((minted) => save(requested, minted, false)).catch(() => undefined)
      throw error
    })
    const minted = bounded(answer, untilMs)
    if ((await save(requested, minted, !current.unheard)) === 'ended') throw over(asked.step, clock)
    const { expiresMs } = minted
    await ledger.renewed(lease, asked.step, { expiresMs })
    if (!stands(asked.step, clock)) throw over(asked.step, clock)
    const { clientIdentity } = lease
    const longer = { ...leaseOf(requested, minted, asked.step, asked.connection), clientIdentity }
    return { ...current, minted, lease: longer, madeMs: clock.nowMs() }
  }

  async function isDead(current: Current, asked: Asked): Promise<boolean> {
    try {
      const probing = deps.issuerOf(asked.credential.scheme).probe?.(heldIn(asked, current), tools)
      return probing !== undefined && (await within(after, mintMs, probing, notNow)) === 'dead'
    } catch {
      return false
    }
  }

  return { mint, renew, isDead }
}

function leaseOf(
  { lease, from }: Requested,
  { authorization, fields, expiresMs }: Minted,
  step: Step,
  connection: Connection,
): Lease {
  return {
    id: lease as LeaseId,
    connection: connection.name,
    expiresMs: Math.min(expiresMs, step.expiresMs),
    authorization,
    clientIdentity: undefined,
    fields,
    from,
  }
}

/** An upstream that says no time, or none that a row can hold, has made one for as long as it was asked to. */
function bounded(minted: Minted, askedMs: number): Minted {
  return Number.isSafeInteger(Math.round(minted.expiresMs))
    ? { ...minted, expiresMs: Math.round(minted.expiresMs) }
    : { ...minted, expiresMs: askedMs }
}

/** The lease is no more: its step is over, or somebody has ended it alone. */
function over(step: Step, clock: Clock): MayflyError {
  if (!stands(step, clock)) return ended(step.endReason ?? 'expired')
  return new MayflyError('denied', 'the credential was revoked while it was made: try again')
}

function notNow(): MayflyError {
  return new MayflyError('upstream_unreachable', `no answer in ${mintMs / 1000} s: is the host up?`)
}
