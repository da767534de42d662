import { randomBytes } from 'node:crypto'
import { setImmediate as breathe } from 'node:timers/promises'
import { MayflyError, Secret, type StepId } from '../lib/index.ts'
import { createKnownSecrets, fingerprintsOf, keysOf, type KnownSecrets } from '../scan/known/index.ts'
import { isWorthLooking, packFingerprints, reckonedVersion, unpackFingerprints } from '../scan/known/index.ts'
import type { Fingerprint } from '../scan/known/index.ts'
import { coresIn } from '../scan/liveness/index.ts'
import { upsertRow, type Store } from '../store/index.ts'
import { openSealed, seal, type Vault, type VaultKey } from '../vault/index.ts'
import { createVendorSecrets } from './vendor-secrets.ts'

/** Whose a text is that was found. */
export type Owner =
  | { readonly kind: 'secret'; readonly secret: string; readonly version: number }
  /** A credential that was made or opened for a step, and lives no longer than `untilMs`. */
  | {
      readonly kind: 'credential'
      readonly connection: string
      readonly step: StepId
      /** What ends it. */
      readonly lease: string
      readonly untilMs: number
    }

export interface GivenCredential {
  readonly connection: string
  readonly step: StepId
  readonly lease: string
  readonly untilMs: number
  readonly value: Secret
}

/** The secrets of the vault, and what steps were given, as they are looked for in what is scanned. */
export interface VaultSecrets {
  /** Takes in what was set, rotated, moved or destroyed, at whichever server. Called every second. */
  sweep(): Promise<void>
  /** The vault is sealed: nothing made of its secrets stays in memory. */
  forget(): void
  /** A credential that a step has; found as long as it lives. Told again when it lives longer, or is another lease's. */
  given(credential: GivenCredential): void
  /** Undefined before the first `sweep`: then nobody can say that nothing is found. */
  known(): KnownSecrets<Owner> | undefined
}

const seedKey = 'fingerprint_seed'
const seedContext = 'seed of fingerprints of secrets'
/** Versions of one sweep; each takes some milliseconds, between which others have their turn. */
const mostAtOnce = 20
/** Credentials that steps have at once. */
const mostGiven = 2_000

export function createVaultSecrets(deps: {
  store: Store
  vault: Pick<Vault, 'opened'>
  vaultKey: VaultKey
  nowMs: () => number
}): VaultSecrets {
  const { store, vault, vaultKey } = deps
  let keys: ReturnType<typeof keysOf> | undefined
  let known: KnownSecrets<Owner> | undefined
  let waiting: (() => void)[] = []
  let [lastSeq, rows] = [0, 0]
  const untilMs = new Map<string, number>()
  let sweeping: Promise<void> | undefined
  let generation = 0
  let vendorSecretsIn: ReturnType<typeof createVendorSecrets> | undefined
  /** Versions of which none can be made: they take no turn of others. */
  const passedBy = new Set<string>()

  async function sweepOnce(): Promise<void> {
    const mine = generation
    keys ??= keysOf((await loadSeed(store, vaultKey)).reveal())
    await addMissing(keys)
    const all = known ?? createKnownSecrets<Owner>(keys)
    await takeIn(all)
    dropEnded(all)
    // Sealed meanwhile.
    if (mine !== generation) return
    known = all
    for (const add of waiting.splice(0)) add()
  }

  /** Fingerprints of what has none yet, or has some of an older Mayfly, which are good until then. */
  async function addMissing(made: NonNullable<typeof keys>): Promise<void> {
    const missing = await store.read
      .selectFrom('secrets')
      .innerJoin('secret_names', 'secret_names.name', 'secrets.name')
      .leftJoin('secret_fingerprints', (join) =>
        join
          .onRef('secret_fingerprints.name', '=', 'secrets.name')
          .onRef('secret_fingerprints.version', '=', 'secrets.version'),
      )
      .select(['secrets.name', 'secrets.version'])
      .where((e) =>
        e.or([
          e('secret_fingerprints.name', 'is', null),
          e('secret_fingerprints.reckoned', '<', reckonedVersion),
        ]),
      )
      .where('secrets.destroyed_ms', 'is', null)
      .where('secret_names.deleted_ms', 'is', null)
      .where('secret_names.current_version', '>', 0)
      .orderBy((e) => e('secret_fingerprints.name', 'is not', null))
      .orderBy('secrets.version', 'desc')
      .limit(mostAtOnce + passedBy.size)
      .execute()
    const open = missing.filter(({ name, version }) => !passedBy.has(`${version} ${name}`))
    // Whatever kept them from it may be over.
    if (open.length === 0) passedBy.clear()
    for (const { name, version } of open.slice(0, mostAtOnce)) {
      const opened = await vault.opened(name, { version }).catch(unlessGone)
      // A name that is kept elsewhere now: this is not what the row has.
      if (opened === undefined || opened.store !== undefined) {
        passedBy.add(`${version} ${name}`)
        continue
      }
      vendorSecretsIn ??= createVendorSecrets()
      const value = opened.value.reveal()
      const packed = packFingerprints(fingerprintsOf(value, made, await vendorSecretsIn(value)))
      const sealed = seal(vaultKey, contextOf(name, version), packed)
      await store.write(async (tx) => {
        await tx
          .deleteFrom('secret_fingerprints')
          .where('name', '=', name)
          .where('version', '=', version)
          .where('reckoned', '<', reckonedVersion)
          .execute()
        await tx
          .insertInto('secret_fingerprints')
          .values({ name, version, sealed, reckoned: reckonedVersion })
          .onConflict((row) => row.doNothing())
          .execute()
      })
      await breathe()
    }
  }

  /** What was added since, or all of it if some went away. */
  async function takeIn(all: KnownSecrets<Owner>): Promise<void> {
    await dropDestroyed()
    const { count } = await store.read
      .selectFrom('secret_fingerprints')
      .select((e) => e.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    const fresh = await newRows(lastSeq)
    if (rows + fresh.length !== count) {
      for (const id of [...all.ids()]) if (id.startsWith('secret ')) all.remove(id)
      ;[rows, lastSeq] = [0, 0]
    }
    for (const row of rows === 0 ? await newRows(0) : fresh) {
      const { name, version, seq, sealed } = row
      ;[rows, lastSeq] = [rows + 1, seq]
      const packed = openSealed(vaultKey, contextOf(name, version), sealed).reveal()
      all.add(
        `secret ${version} ${name}`,
        { kind: 'secret', secret: name, version },
        unpackFingerprints(packed),
      )
    }
  }

  const newRows = (after: number) =>
    store.read.selectFrom('secret_fingerprints').selectAll().where('seq', '>', after).orderBy('seq').execute()

  /** Who destroys a version wants nothing to be left that was made of it; one that was moved is made anew. */
  async function dropDestroyed(): Promise<void> {
    const stale = await store.read
      .selectFrom('secret_fingerprints')
      .leftJoin('secrets', (join) =>
        join
          .onRef('secrets.name', '=', 'secret_fingerprints.name')
          .onRef('secrets.version', '=', 'secret_fingerprints.version'),
      )
      .select('secret_fingerprints.seq')
      .where((e) => e.or([e('secrets.name', 'is', null), e('secrets.destroyed_ms', 'is not', null)]))
      .execute()
    if (stale.length === 0) return
    const seqs = stale.map(({ seq }) => seq)
    await store.write((tx) => tx.deleteFrom('secret_fingerprints').where('seq', 'in', seqs).execute())
  }

  function dropEnded(all: KnownSecrets<Owner>): void {
    const now = deps.nowMs()
    for (const [id, until] of untilMs) {
      if (until > now) continue
      untilMs.delete(id)
      all.remove(id)
    }
  }

  function addGiven({ connection, step, lease, untilMs: until, value }: GivenCredential): void {
    if (known === undefined || keys === undefined || until <= deps.nowMs()) return
    const fingerprints = fingerprintsOf(value.reveal(), keys, coresIn(value.reveal()))
    if (fingerprints.length === 0 || isOfVault(known, value.reveal(), fingerprints)) return
    const id = `credential ${step} ${fingerprints[0]?.proof.toString('hex')}`
    untilMs.delete(id)
    untilMs.set(id, until)
    known.add(id, { kind: 'credential', connection, step, lease, untilMs: until }, fingerprints)
    const [oldest] = untilMs.keys()
    if (untilMs.size <= mostGiven || oldest === undefined) return
    untilMs.delete(oldest)
    known.remove(oldest)
  }

  return {
    async sweep() {
      sweeping ??= sweepOnce().finally(() => (sweeping = undefined))
      await sweeping
    },
    forget() {
      generation++
      ;[known, keys, waiting, lastSeq, rows] = [undefined, undefined, [], 0, 0]
      untilMs.clear()
      passedBy.clear()
    },
    given(credential) {
      // Its forms are reckoned once something is looked at: a step is not to wait for it.
      if (waiting.length >= mostGiven) waiting.shift()
      waiting.push(() => addGiven(credential))
    },
    known() {
      for (const add of known === undefined ? [] : waiting.splice(0)) add()
      return known
    },
  }
}

/**
 * What is kept in the vault is known as that: a hit says which secret it is. But what only has a text of the vault in it, as the name of
 * a user before a password, is none of it.
 */
function isOfVault(known: KnownSecrets<Owner>, value: string, fingerprints: readonly Fingerprint[]): boolean {
  const isKept = (owner: Owner) => owner.kind === 'secret'
  if (fingerprints.every((one) => known.ownersOf(one).some(isKept))) return true
  const bytes = Buffer.from(value)
  for (const { of, start, end } of known.find(bytes).hits) if (isKept(of)) bytes.fill(' ', start, end)
  // A word in front, as `Bearer`.
  return !isWorthLooking(bytes.toString().trim())
}

function contextOf(name: string, version: number): string {
  return `fingerprints of secret "${name}" version ${version}`
}

/** Destroyed or deleted since it was listed, or damaged: it is not found, as it is not used. */
function unlessGone(error: unknown): undefined {
  if (error instanceof MayflyError && ['secret_missing', 'vault_key'].includes(error.code)) return undefined
  throw error
}

/** A key for names of secrets, one for all servers of a store, sealed. */
export async function loadSeed(
  store: Store,
  vaultKey: VaultKey,
  { row: key, context } = { row: seedKey, context: seedContext },
): Promise<Secret<Buffer>> {
  return store.write(async (tx, run) => {
    const row = await tx.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst()
    if (row !== undefined) return openSealed(vaultKey, context, Buffer.from(row.value, 'base64'))
    const made = randomBytes(32)
    run(upsertRow('meta', 'key', { key, value: seal(vaultKey, context, made).toString('base64') }))
    return new Secret(made)
  })
}
