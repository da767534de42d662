import type { Clock } from '../../lib/index.ts'
import type { Store } from '../../store/index.ts'

/** Where a key is, as the configuration names it. */
export interface KeyPlace {
  readonly kind: string
  readonly describe: string
}

/** The public key (SPKI, DER) that each place had when it was first used, by whichever server of the store. */
export interface KeyPins {
  at(place: KeyPlace): Promise<Buffer | undefined>
  /** What is pinned from now on: another server may have been faster. */
  pin(place: KeyPlace, spki: Buffer): Promise<Buffer>
}

export function createStoredPins({ store, clock }: { store: Store; clock: Clock }): KeyPins {
  async function at(place: KeyPlace): Promise<Buffer | undefined> {
    const row = await store.read
      .selectFrom('attest_pins')
      .select('spki')
      .where('place', '=', nameOf(place))
      .executeTakeFirst()
    return row === undefined ? undefined : Buffer.from(row.spki, 'base64')
  }
  return {
    at,
    async pin(place, spki) {
      const row = { place: nameOf(place), spki: spki.toString('base64'), first_ms: clock.nowMs() }
      await store.write((tx) =>
        tx
          .insertInto('attest_pins')
          .values(row)
          .onConflict((conflict) => conflict.column('place').doNothing())
          .execute(),
      )
      return (await at(place)) ?? spki
    },
  }
}

function nameOf({ kind, describe }: KeyPlace): string {
  return `${kind} ${describe}`
}
