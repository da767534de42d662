import { createHmac } from 'node:crypto'
import type { Clock, Secret, StepId } from '../lib/index.ts'
import { partsOf } from '../scan/known/index.ts'
import { coresIn } from '../scan/liveness/index.ts'
import type { Statement, Store } from '../store/index.ts'
import type { GivenCredential, Owner } from './vault-secrets.ts'

export type GivenOwner = Owner & { readonly kind: 'credential' }

/**
 * What steps were given, whichever server of a store gave it, and also after that one has ended: by names that only the vault's key makes of
 * it. They say of a whole secret whether it is one; what is looked for in files is known to the server that gave it.
 */
export interface GivenNames {
  /** Is in the store a moment later: no step waits for it. `isKept`: another store keeps the value, and it lives on. */
  add(credential: GivenCredential & { readonly isKept: boolean }): void
  /** Writes what could not be written before, and takes away what is over. */
  sweep(): Promise<void>
  /** The vault is sealed. */
  forget(): void
  /** Throws `vault_sealed`. */
  ownerOf(secret: Secret): Promise<(GivenOwner & { readonly isCertain: boolean }) | undefined>
}

const mostWaiting = 2_000
/** Since it was given last. */
const keptMs = 90 * 86_400_000

export function createGivenNames(deps: {
  store: Store
  clock: Clock
  seed: () => Promise<Secret<Buffer>>
}): GivenNames {
  const { store, clock } = deps
  let seed: Promise<Secret<Buffer>> | undefined
  let waiting: Parameters<GivenNames['add']>[0][] = []
  let writing: Promise<void> | undefined

  /** As it is written in a file, a key has other line ends than as it was made. */
  async function namesOf(value: Secret) {
    seed ??= deps.seed()
    seed.catch(() => (seed = undefined))
    const key = (await seed).reveal()
    const nameOf = (text: string) =>
      createHmac('sha256', key)
        .update(`given v1 ${text.replaceAll(/\\n|\s/g, '')}`)
        .digest('hex')
    return partsOf(value.reveal(), coresIn(value.reveal())).map((part) => ({
      ...part,
      name: nameOf(part.text),
    }))
  }

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting
      const rows = (await Promise.all(batch.map(rowsOf))).flat()
      await store.writeAll(() => rows.map(upsert))
      waiting = waiting.filter((one) => !batch.includes(one))
    }
  }

  async function rowsOf({ connection, step, lease, untilMs, value, isKept }: (typeof waiting)[number]) {
    const until = isKept ? Math.max(untilMs, clock.nowMs() + keptMs) : untilMs
    return (await namesOf(value)).map(({ name }) => [...[name, connection, step, lease, until]])
  }

  async function write(): Promise<void> {
    writing ??= writeAll().finally(() => (writing = undefined))
    await writing
  }

  return {
    add(credential) {
      if (waiting.length >= mostWaiting) waiting.shift()
      waiting = [...waiting, credential]
      // What fails is tried again by the next sweep.
      write().catch(() => undefined)
    },
    async sweep() {
      await write()
      const now = clock.nowMs()
      const over = await store.read
        .selectFrom('given_names')
        .select('name')
        .where('until_ms', '<=', now)
        .limit(1)
        .executeTakeFirst()
      if (over !== undefined)
        await store.writeAll((tables) => [tables.deleteFrom('given_names').where('until_ms', '<=', now)])
    },
    forget() {
      waiting = []
      seed = undefined
    },
    async ownerOf(secret) {
      for (const { name, text, isCertain } of await namesOf(secret)) {
        // Else one text would try many guesses.
        if (!isCertain && text !== secret.reveal().trim()) continue
        const row = store.find('given_names', { name })
        if (row === undefined || row.until_ms <= clock.nowMs()) continue
        const { connection, step_id, lease_id: lease, until_ms: untilMs } = row
        return { kind: 'credential', connection, step: step_id as StepId, lease, untilMs, isCertain }
      }
      return undefined
    },
  }
}

/** The lease that had it last; for as long as any of them says. */
function upsert(parameters: readonly unknown[]): Statement {
  return {
    sql: `insert into given_names (name, connection, step_id, lease_id, until_ms) values (?, ?, ?, ?, ?)
      on conflict (name) do update set connection = excluded.connection, step_id = excluded.step_id, lease_id = excluded.lease_id,
      until_ms = max(until_ms, excluded.until_ms)`,
    parameters,
  }
}
