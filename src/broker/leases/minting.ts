import type { Secret, StepId } from '../../lib/index.ts'
import type { Connection } from '../../connections/index.ts'
import { leaseKey } from '../client-identity.ts'
import type { Lease, Step } from '../model.ts'
import { TryLater } from '../../lib/index.ts'
import { waitMs } from './backoff.ts'
import { createMake, type MakeDeps } from './make.ts'
import type { Asked, Current } from './request.ts'
import { ended, stands } from './stands.ts'

/** Leases whose credential an issuer makes: one for each step and connection, whoever asks, and another before it is over. */
export interface Minting {
  /** Throws `revoked` for a step that is over, `upstream_unreachable`, `credential_failed`, or what store, log or vault throw. */
  lease(asked: Asked): Promise<Lease>
  forget(step: StepId): void
  /** Those of the step whose key fits. */
  drop(step: StepId, fits: (key: string) => boolean): void
  /** This one, if it is the one in use. */
  dropOne(step: StepId, lease: string): boolean
  /**
   * Its host takes this credential no more: whoever asks again gets another. Returns the lease; undefined if it is not the one in
   * use, or such a one was made anew within the last minute: a host that takes none is not asked for one after another.
   */
  refused(step: StepId, which: Refused): Lease | undefined
  /**
   * The same, if its issuer finds that this credential is dead: its host has answered what may mean that, or only that it may not do
   * what was asked. The issuer is asked once a minute at most. Never throws.
   */
  doubted(step: StepId, authorization: Secret): Promise<Lease | undefined>
  /** It is the one in use, and was made a moment ago: its host may not know it everywhere yet. */
  isFresh(step: StepId, authorization: Secret): boolean
}

/** What a host was shown, as the gateway knows it; or all that a tool of the step can say: whose it was. */
export type Refused = { readonly authorization: Secret } | { readonly connection: Connection }

interface Place {
  current?: Current
  /** Who asked for it. */
  asked?: Asked
  pending?: Promise<Lease>
  /** Who asks again at once is answered without asking the upstream. */
  failed?: { readonly error: unknown; readonly untilMs: number; readonly times: number }
  refusedMs?: number
  doubtedMs?: number
}

/** One that does not last as long as its step is renewed when a third of its life is left, or a minute. */
const renewMs = 60_000
const longestRefusalMs = 30_000
const refusedAgainMs = 60_000
const doubtedAgainMs = 60_000
/** So long hosts need, at most, until all their servers take what one of them has made (GitHub's own client waits as long). */
const freshMs = 5_000
/** So long a step waits for an upstream that says when to come again. */
const patienceMs = 30_000

export function createMinting(deps: MakeDeps): Minting {
  const { clock, after } = deps
  const make = createMake(deps)
  const places = new Map<StepId, Map<string, Place>>()

  function placeOf({ step, connection }: Asked): Place {
    const ofStep = places.get(step.id) ?? new Map<string, Place>()
    places.set(step.id, ofStep)
    const key = leaseKey(connection)
    const place = ofStep.get(key) ?? {}
    ofStep.set(key, place)
    return place
  }

  /** Asks again by itself while the upstream says when, and that is soon. */
  async function patiently<T>(step: Step, ask: () => Promise<T>): Promise<T> {
    const beganMs = clock.nowMs()
    let waitedMs = 0
    for (;;) {
      try {
        return await ask()
      } catch (error) {
        const ms = error instanceof TryLater ? Math.max(error.retryAfterMs, 1_000) : patienceMs + 1
        waitedMs = Math.max(waitedMs, clock.nowMs() - beganMs) + ms
        if (waitedMs > patienceMs) throw error
        await new Promise<void>((done) => after(ms, done))
        if (!stands(step, clock)) throw ended(step.endReason ?? 'expired')
      }
    }
  }

  async function next(place: Place, asked: Asked): Promise<Lease> {
    const { failed, current } = place
    if (failed !== undefined && clock.nowMs() < failed.untilMs) throw failed.error
    try {
      // One that is over is nothing to renew.
      const isOver = current === undefined || clock.nowMs() >= current.minted.expiresMs
      place.current = await patiently(asked.step, () =>
        isOver ? make.mint(asked, current?.lease) : make.renew(current, asked),
      )
      place.asked = asked
      delete place.failed
      return place.current.lease
    } catch (error) {
      const times = (failed?.times ?? 0) + 1
      const askedMs = error instanceof TryLater ? error.retryAfterMs : 0
      const untilMs = clock.nowMs() + Math.min(waitMs(times, deps.random(), askedMs), longestRefusalMs)
      place.failed = { error, times, untilMs }
      throw error
    }
  }

  const placeWith = (step: StepId, authorization: Secret): Place | undefined =>
    [...(places.get(step)?.values() ?? [])].find(
      ({ current }) =>
        current?.lease.authorization === authorization ||
        // Of several, one for each audience.
        Object.values(current?.lease.fields ?? {}).includes(authorization),
    )

  function takeBack(place: Place | undefined): Lease | undefined {
    const now = clock.nowMs()
    if (place?.current === undefined || now - (place.refusedMs ?? -refusedAgainMs) < refusedAgainMs)
      return undefined
    const { lease } = place.current
    place.refusedMs = now
    delete place.current
    return lease
  }

  return {
    async lease(asked) {
      const place = placeOf(asked)
      const { current } = place
      const early = current === undefined ? 0 : earlyMs(current)
      const leftMs = current === undefined ? 0 : current.minted.expiresMs - clock.nowMs()
      if (current !== undefined && leftMs > early) return current.lease
      place.pending ??= next(place, asked).finally(() => delete place.pending)
      const { pending } = place
      if (current === undefined || leftMs <= 0) return await pending
      const known = pending.catch((error: unknown) => {
        if (stands(asked.step, clock) && clock.nowMs() < current.minted.expiresMs) return current.lease
        throw error
      })
      if (leftMs <= early / 2) return await known
      // It is good for a while yet: nobody waits for the next.
      known.catch(() => undefined)
      return current.lease
    },
    forget: (step) => void places.delete(step),
    drop(step, fits) {
      const ofStep = places.get(step)
      for (const key of ofStep?.keys() ?? []) if (fits(key)) ofStep?.delete(key)
    },
    dropOne(step, lease) {
      const ofStep = places.get(step)
      for (const [key, { current }] of ofStep ?? [])
        if (current?.lease.id === lease) return ofStep?.delete(key) === true
      return false
    },
    refused: (step, which) =>
      takeBack(
        'connection' in which
          ? places.get(step)?.get(leaseKey(which.connection))
          : placeWith(step, which.authorization),
      ),
    async doubted(step, authorization) {
      const place = placeWith(step, authorization)
      const { current, asked, doubtedMs = -doubtedAgainMs } = place ?? {}
      const now = clock.nowMs()
      if (place === undefined || current === undefined || asked === undefined) return undefined
      if (now - doubtedMs < doubtedAgainMs) return undefined
      place.doubtedMs = now
      const isDead = await make.isDead(current, asked)
      // Another may have been made meanwhile.
      return isDead && place.current === current ? takeBack(place) : undefined
    },
    isFresh(step, authorization) {
      const current = placeWith(step, authorization)?.current
      return current !== undefined && clock.nowMs() - current.madeMs < freshMs
    },
  }
}

/** How long before its end another is asked for; never, if it lasts as long as its step. */
function earlyMs({ minted, requested, madeMs }: Current): number {
  if (minted.expiresMs >= requested.step.expiresMs) return 0
  return Math.min((minted.expiresMs - madeMs) / 3, renewMs)
}
