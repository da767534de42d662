import type { QueryCreator } from 'kysely'
import { MayflyError, type Clock } from '../lib/index.ts'
import { isDuplicate, type Tables } from '../store/index.ts'
import type { VaultKey } from '../vault/index.ts'
import type { SigningKeys } from './signing-keys.ts'
import { makeKeyRow, type KeyUse, type SigningAlgorithm, type SigningKey } from './signing-key.ts'

export interface Rotation {
  /**
   * A next key for every key of this use, or of all. It is published at once and signs after `announceMs`; with `now` it signs
   * at once, and the old ones are no more published: tokens that they signed are good for nobody. A next key that is there
   * already is not followed by another, unless it is `now`. `by` stands in its entry.
   */
  rotate(asked: {
    use?: KeyUse | undefined
    now: boolean
    by: Readonly<Record<string, unknown>>
  }): Promise<readonly Rotated[]>
  /** Makes the next keys that are due, and forgets those that are withdrawn. Called every second by every server. */
  sweep(rotateAfterMs: number): Promise<void>
}

export interface Rotated {
  readonly kid: string
  readonly use: KeyUse
  readonly alg: SigningAlgorithm
  /** The key that it follows, and until when that one is published. With `now` the one that signed till then. */
  readonly replaces: string
  /** With `now`: all that are published no more, first the one that signed, then the next that was waiting, and older ones. */
  readonly withdrawn?: readonly string[]
  readonly signsFromMs: number
  readonly replacedUntilMs: number
  /** It was there already. */
  readonly pending?: true
}

const dayMs = 86_400_000

/** What `identity_tokens.rotate_after` says; the usual while there is no policy. */
export function rotateAfterMs(config: { readonly rotate_after: string } | undefined): number {
  return Number.parseInt(config?.rotate_after ?? '90d', 10) * dayMs
}

/** As an entry of the audit log that is written with what it tells of (`Outbox` of the broker). */
interface Records {
  write<T>(
    work: (
      tx: QueryCreator<Tables>,
      add: (events: readonly { type: string; data: Record<string, unknown> }[]) => void,
    ) => Promise<T>,
  ): Promise<T>
}

const minuteMs = 60_000
/**
 * How long a key is published before it signs. Whoever trusts us keeps our keys for a while: clouds up to a day, whatever our
 * `max-age` says. Access tokens are read by our own servers alone, which look every second.
 */
const announceMs = { access: 10 * minuteMs, identity: 24 * 60 * minuteMs }
/** How long it is published after it signed its last token: these live five minutes, and clocks differ. */
const keepMs = 60 * minuteMs
const maxTries = 5
/** Over by every clock: one that is behind ours would publish a stolen key again, and sign with it. */
const atOnce = 0

export function createRotation(deps: {
  signingKeys: SigningKeys
  records: Records
  vaultKey: VaultKey
  clock: Clock
}): Rotation {
  const { signingKeys, records, vaultKey, clock } = deps
  let sweeping: Promise<void> | undefined

  async function follow(
    key: SigningKey,
    now: boolean,
    why: Record<string, unknown>,
  ): Promise<Rotated | undefined> {
    const { use, alg } = key
    const created_ms = clock.nowMs()
    const not_before_ms = created_ms + (now ? 0 : announceMs[use])
    const row = await makeKeyRow(vaultKey, { use, alg, number: key.number + 1, created_ms, not_before_ms })
    const retired_ms = not_before_ms
    const untilMs = now ? created_ms : not_before_ms + keepMs
    const withdrawn_ms = now ? atOnce : untilMs
    const eventOf = (withdrawn: readonly string[]) => ({
      type: 'oidc.rotated',
      data: {
        ...why,
        key: row.kid,
        use,
        alg,
        replaces: withdrawn[0] ?? key.kid,
        ...(now ? { withdrawn } : {}),
        signs_from: new Date(not_before_ms).toISOString(),
        replaced_until: new Date(untilMs).toISOString(),
      },
    })
    let withdrawn: string[]
    try {
      withdrawn = await records.write(async (tx, add) => {
        await tx.insertInto('signing_keys').values(row).execute()
        // All that came before it, the next key that was waiting included.
        const before = tx
          .updateTable('signing_keys')
          .where('use', '=', use)
          .where('alg', '=', alg)
          .where('number', '<', row.number)
        const ended = await (now ? before : before.where('retired_ms', 'is', null))
          .set({ retired_ms, withdrawn_ms })
          .returning(['kid', 'number', 'not_before_ms'])
          .execute()
        const kids = now ? signedFirst(ended, created_ms) : []
        add([eventOf(kids)])
        return kids
      })
    } catch (error) {
      // Its number was taken: another server has just made the next key.
      if (isDuplicate(error)) return undefined
      throw error
    }
    return {
      kid: row.kid,
      use,
      alg,
      replaces: withdrawn[0] ?? key.kid,
      ...(now ? { withdrawn } : {}),
      signsFromMs: not_before_ms,
      replacedUntilMs: untilMs,
    }
  }

  /** Another server's next key is as good, unless this one is asked for because the last is in wrong hands. */
  async function followSurely(
    key: SigningKey,
    now: boolean,
    by: Readonly<Record<string, unknown>>,
  ): Promise<Rotated> {
    for (let last = key, tries = 0; ; tries++) {
      const rotated = await follow(last, now, { reason: now ? 'compromised' : 'asked', ...by })
      if (rotated !== undefined) return rotated
      await signingKeys.refresh()
      last = newest().find(({ use, alg }) => use === key.use && alg === key.alg) ?? last
      const pending = now ? undefined : waiting(last)
      if (pending !== undefined) return pending
      if (tries === maxTries)
        throw new MayflyError('conflict', 'another server makes keys at the same time: ask again')
    }
  }

  /** The last key of each use and algorithm. */
  function newest(): SigningKey[] {
    const all = [...signingKeys.published('access'), ...signingKeys.published('identity')]
    return [...new Map(all.map((key) => [`${key.use} ${key.alg}`, key])).values()]
  }

  function waiting(key: SigningKey): Rotated | undefined {
    if (key.notBeforeMs <= clock.nowMs()) return undefined
    const { kid, use, alg, notBeforeMs } = key
    const replaces = signingKeys
      .published(use)
      .find((one) => one.alg === alg && one.number === key.number - 1)?.kid
    return {
      ...{ kid, use, alg, replaces: replaces ?? '', pending: true },
      signsFromMs: notBeforeMs,
      replacedUntilMs: notBeforeMs + keepMs,
    }
  }

  async function forget(): Promise<void> {
    const now = clock.nowMs()
    const isOver = (key: SigningKey) => key.withdrawnMs !== undefined && key.withdrawnMs <= now
    if (!signingKeys.all().some(isOver)) return
    await records.write((tx) => tx.deleteFrom('signing_keys').where('withdrawn_ms', '<=', now).execute())
    await signingKeys.refresh()
  }

  async function sweep(rotateAfterMs: number): Promise<void> {
    await signingKeys.refresh()
    const due = newest().filter(({ notBeforeMs }) => notBeforeMs + rotateAfterMs <= clock.nowMs())
    for (const key of due) await follow(key, false, { reason: 'scheduled' })
    if (due.length > 0) await signingKeys.refresh()
    await forget()
  }

  return {
    async rotate({ use, now, by }) {
      await signingKeys.refresh()
      const made: Rotated[] = []
      for (const key of newest().filter((one) => use === undefined || one.use === use)) {
        const rotated = (now ? undefined : waiting(key)) ?? (await followSurely(key, now, by))
        made.push(rotated)
      }
      await signingKeys.refresh()
      return made
    },
    sweep(rotateAfterMs) {
      sweeping ??= sweep(rotateAfterMs).finally(() => {
        sweeping = undefined
      })
      return sweeping
    },
  }
}

/** The one that signs, then those that wait for their time, then older ones. */
function signedFirst(
  keys: readonly { kid: string; number: number; not_before_ms: number }[],
  nowMs: number,
): string[] {
  const newestFirst = keys.toSorted((a, b) => b.number - a.number)
  const [signed, ...older] = newestFirst.filter(({ not_before_ms }) => not_before_ms <= nowMs)
  const waiting = newestFirst.filter(({ not_before_ms }) => not_before_ms > nowMs)
  return [...(signed === undefined ? [] : [signed]), ...waiting, ...older].map(({ kid }) => kid)
}
