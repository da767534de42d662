import { setTimeout as sleep } from 'node:timers/promises'
import type { QueryCreator } from 'kysely'
import { personal, type AuditClient } from '../../audit/client/index.ts'
import type { Broker } from '../../broker/index.ts'
import { messageOf, Secret, type Clock } from '../../lib/index.ts'
import { hostFor, type Liveness, type NamedPlace, type Vendors } from '../../scan/liveness/index.ts'
import type { Store, Tables } from '../../store/index.ts'
import type { GivenNames } from '../given-names.ts'
import type { VaultSecrets } from '../vault-secrets.ts'
import { createTurns } from '../turns.ts'
import { createAsked } from './asked.ts'
import { createBuckets } from './buckets.ts'
import type { Asker, Ended, FoundKey, Ours, Verified, Verifier, VerifyConfig } from './model.ts'
import { oursOf } from './ours.ts'

export interface VerifierDeps {
  readonly store: Store
  readonly clock: Clock
  readonly audit: Pick<AuditClient, 'append'>
  readonly outbox: Pick<Broker['outbox'], 'write'>
  readonly vendors: Vendors
  /** A key for the names of what was asked: the same at all servers of the store. */
  readonly seed: () => Promise<Secret<Buffer>>
  /** What is ours is not asked about, nor anything while nobody can say what is. */
  readonly secrets: Pick<VaultSecrets, 'known' | 'sweep'>
  readonly given: Pick<GivenNames, 'ownerOf'>
  readonly config: () => VerifyConfig | undefined
  /** The connection's URL; undefined if there is none. */
  readonly placeOf: (connection: string) => NamedPlace | undefined
  /** Between two looks at whether a revocation may go on. */
  readonly pause?: (ms: number) => Promise<unknown>
  /** Tells people, in the transaction that makes it true. */
  readonly alert: (tx: QueryCreator<Tables>, event: string, data: Record<string, unknown>) => Promise<void>
}

/** Whoever asks alone has half of it. */
const pace = { host: { burst: 20, perMinute: 40 }, all: { burst: 120, perMinute: 240 } }

/** Of its requests a revocation waits for each so long, all in all; a claim of it lapses later. */
const mostWaitMs = 30_000

type NotAsked = { readonly why: string; readonly ours?: Ours }

type To = {
  readonly host: string
  readonly beside: string | undefined
  readonly place: NamedPlace | undefined
  readonly name: string
}

/**
 * Asks about secrets of the kinds that the policy lists, and of no others; not of what is ours, which `secret compromise` is for. What is
 * asked is in the log first, and asked once an hour, whichever server and whoever wants to know.
 */
export function createVerifier(deps: VerifierDeps): Verifier {
  const { audit, outbox, vendors, clock } = deps
  const asked = createAsked(deps)
  const buckets = createBuckets(clock, pace)
  const turns = createTurns({ most: 4, waiting: 200 })
  /** What is ended has a place to be asked about, and makes up to five requests: these are counted by themselves, and wait. */
  const endBuckets = createBuckets(clock, pace)
  const endTurns = createTurns({ most: 4, waiting: 200 })
  const pause = deps.pause ?? ((ms: number) => sleep(ms, undefined, { ref: false }))
  const running = new Map<string, Promise<Verified>>()

  /** Where it would be asked, or why it is not. */
  async function toFor(key: FoundKey): Promise<To | { readonly why: string }> {
    const config = deps.config()
    if (config === undefined || !config.kinds.includes(key.rule))
      return { why: `scan.verify.kinds of mayfly.yaml does not list ${key.rule}` }
    const at = Object.hasOwn(config.at, key.rule) ? config.at[key.rule] : undefined
    const place = at === undefined ? undefined : deps.placeOf(at)
    if (at !== undefined && place === undefined) return { why: `there is no connection "${at}"` }
    const to = hostFor(key, place)
    if ('why' in to) return to
    return { ...to, place, name: await asked.nameOf(key, to) }
  }

  /** Why it is not asked after all. A guess costs as much as a question, and is told as little as can be. */
  async function notAsked({ secret }: FoundKey, { beside }: To): Promise<NotAsked | undefined> {
    return (
      (await notSent(secret, 'it')) ??
      (beside === undefined ? undefined : await notSent(new Secret(beside), 'what stood beside it'))
    )
  }

  /** Neither of the two that would be sent may be ours. */
  async function notSent(text: Secret, what: string): Promise<NotAsked | undefined> {
    const ours = await oursOf(deps, text)
    if (ours === undefined) return undefined
    if (ours === 'unsure' || !ours.isCertain)
      return { why: 'it is not asked about', ...(ours === 'unsure' ? {} : { ours }) }
    const why = `${what} is a secret of the vault, or what a step was given: mayfly secret compromise NAME`
    return { why, ours }
  }

  async function askOnce(key: FoundKey, to: To, { who, entryOf }: Asker): Promise<Verified> {
    const known = asked.fresh(to.name)
    if (known !== undefined) return { ...known, asked: 'before' }
    if (asked.isEnded(to.name)) return { state: 'dead', at: to.host, asked: 'before' }
    if (!buckets.take(to.host, who)) return notNow(tooMuch(to.host))
    const refused = await notAsked(key, to)
    if (refused !== undefined) return { ...no(refused.why), ...oursIn(refused) }
    return await turns.take(
      who,
      async () => {
        const claim = await asked.claim(to.name, key.rule)
        if (!claim.mine)
          return claim.answer === undefined
            ? notNow('another server asks just now: try again in a minute')
            : { ...claim.answer, asked: 'before' }
        const facts = { rule: key.rule, fingerprint: key.fingerprint, at: to.host }
        try {
          await audit.append(entryOf('scan.verifying', facts))
        } catch (error) {
          await asked.release(to.name)
          throw error
        }
        const answer = await vendors.ask(key, to.place)
        await outbox.write(async (tx, add) => {
          await asked.answered(tx, to.name, answer)
          add([entryOf('scan.verified', { ...facts, ...recorded(answer) })])
          if (answer.state === 'alive') await deps.alert(tx, 'scan.alive', { ...facts, ...told(answer) })
        })
        return { ...answer, asked: 'now' }
      },
      () => notNow('too many wait to be asked: try again in a minute'),
    )
  }

  async function verify(key: FoundKey, asker: Asker): Promise<Verified> {
    const to = await toFor(key)
    if ('why' in to) return no(to.why)
    const started = running.get(to.name)
    if (started !== undefined) return await started
    const going = askOnce(key, to, asker).finally(() => running.delete(to.name))
    running.set(to.name, going)
    return await going
  }

  function mayIn(host: string, who: string): () => Promise<boolean> {
    let waitedMs = 0
    return async () => {
      while (!endBuckets.take(host, who)) {
        if (waitedMs >= mostWaitMs) return false
        waitedMs += 1_000
        await pause(1_000)
      }
      return true
    }
  }

  /** `hasPlace`: it was asked just now, and what may be asked was counted then. */
  async function revoke(key: FoundKey, { who, entryOf }: Asker, hasPlace: boolean): Promise<Ended> {
    const to = await toFor(key)
    if ('why' in to) return { state: 'not_asked', at: '', why: to.why }
    const refused = { state: 'not_asked', at: to.host } as const
    if (!hasPlace && !buckets.take(to.host, who)) return { ...refused, why: tooMuch(to.host), later: true }
    const not = await notAsked(key, to)
    if (not !== undefined) return { ...refused, why: not.why, at: '', ...oursIn(not) }
    return await endTurns.take<Ended>(
      who,
      () => end(key, to, { who, entryOf }),
      () => ({ ...refused, why: 'too many wait to be revoked: try again in a minute', later: true }),
    )
  }

  async function end(key: FoundKey, to: To, { who, entryOf }: Asker): Promise<Ended> {
    const refused = { state: 'not_asked', at: to.host } as const
    const claim = await asked.claimEnd(to.name, key.rule)
    if (claim === 'ended') return { state: 'before', at: to.host }
    if (claim === 'theirs') return { ...refused, why: 'it is being revoked just now', later: true }
    const facts = { rule: key.rule, fingerprint: key.fingerprint, at: to.host }
    try {
      await audit.append(entryOf('scan.revoking', facts))
    } catch (error) {
      await asked.releaseEnd(to.name)
      throw error
    }
    const { state, at, why, later } = await vendors.revoke(key, to.place, mayIn(to.host, who))
    try {
      await outbox.write(async (tx, add) => {
        await asked.ended(tx, to.name, state === 'revoked')
        add([entryOf('scan.revoked', { ...facts, state, ...(why === undefined ? {} : { why }) })])
      })
    } catch (error) {
      // What the vendor did is done, whatever becomes of the record.
      return {
        state,
        at,
        why: `${why === undefined ? '' : `${why}; `}it is not recorded: ${messageOf(error)}`,
      }
    }
    return {
      ...{ state, at },
      ...(why === undefined ? {} : { why }),
      ...(later === undefined ? {} : { later }),
    }
  }

  const neverFails = {
    verify: (key: FoundKey, asker: Asker) =>
      verify(key, asker).catch((error: unknown) => notNow(messageOf(error))),
    revoke: (key: FoundKey, asker: Asker, hasPlace: boolean): Promise<Ended> =>
      revoke(key, asker, hasPlace).catch((error: unknown) => ({
        ...{ state: 'not_asked', at: '', later: true },
        why: messageOf(error),
      })),
  }

  return {
    config: deps.config,
    sweep: () => asked.sweep(),
    verify: neverFails.verify,
    revoke: (key, asker) => neverFails.revoke(key, asker, false),
    async settle(key, asker) {
      const verified = await neverFails.verify(key, asker)
      const isToEnd = verified.state === 'alive' && deps.config()?.revoke.includes(key.rule) === true
      if (!isToEnd) return { verified }
      return { verified, ended: await neverFails.revoke(key, asker, verified.asked === 'now') }
    },
    async recordOpen(key, { entryOf }, { verified, ended }) {
      const to = await toFor(key)
      const { why } = ended ?? verified
      const facts = {
        ...{ rule: key.rule, fingerprint: key.fingerprint, at: 'why' in to ? '' : to.host },
        ...(why === undefined ? {} : { why }),
      }
      const event =
        ended === undefined
          ? entryOf('scan.verified', { ...facts, state: 'unknown' })
          : entryOf('scan.revoked', { ...facts, state: ended.state })
      await outbox.write(async (_, add) => add([event]))
    },
  }
}

function oursIn({ ours }: { readonly ours?: Ours }): { readonly ours?: Ours } {
  return ours === undefined ? {} : { ours }
}

function no(why: string): Verified {
  return { state: 'unknown', at: '', asked: 'no', why }
}

function notNow(why: string): Verified {
  return { ...no(why), later: true }
}

function tooMuch(host: string): string {
  return `too much is asked at ${host}: try again in a minute`
}

/** Whose it is may be a person's name, which the log can forget. */
function recorded({ state, at, why, whose, can }: Liveness): Record<string, unknown> {
  return {
    state,
    ...(why === undefined ? {} : { why }),
    ...(whose === undefined ? {} : { whose: personal(`${at} ${whose}`, whose) }),
    ...(can === undefined ? {} : { can }),
  }
}

function told({ whose, can }: Liveness): Record<string, unknown> {
  return { ...(whose === undefined ? {} : { whose }), ...(can === undefined ? {} : { can }) }
}
