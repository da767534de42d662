import type { QueryCreator } from 'kysely'
import { MayflyError, Secret, type Clock } from '../lib/index.ts'
import type { Store, Tables } from '../store/index.ts'
import { openSealed, seal, type VaultKey } from './envelope.ts'
import { checkContext } from './open-ring.ts'
import type { ExternalSecrets } from './external/external.ts'
import { createListing, type Listed, type ListRequest, type SecretVersion } from './listing.ts'
import { createUsage } from './usage.ts'
import { changes, type Details, type SecretChanges } from './versions.ts'

export interface Vault {
  /** The value that is in use. Throws `secret_missing` or `vault_key`. */
  open(name: string, use?: Use): Promise<Secret>
  /** The same, with which version it was. */
  opened(name: string, use?: Use): Promise<Opened>
  /** Seals a new version and puts it to use; returns its number. Older versions stay. */
  set(name: string, value: Secret, by?: string): Promise<number>
  /** What changes secrets, in the caller's transaction. */
  change(tx: QueryCreator<Tables>): SecretChanges
  /** Brings what was overwritten out of the store's files; false: it may stand in its write-ahead log for a while yet. */
  erase(): Promise<boolean>
  /** By name, the first of them; never values. */
  list(request?: ListRequest): Promise<Listed[]>
  find(name: string): Promise<Listed | undefined>
  /** Every version that there was, the newest first. */
  history(name: string): Promise<SecretVersion[]>
  /** Throws `vault_key` unless the key is the one this store was made with. */
  check(): Promise<void>
}

export interface Use {
  /** Another than the one in use. */
  readonly version?: number
  /** The run it is for: that is remembered, once a minute at most. */
  readonly by?: string
}

export interface Opened {
  readonly value: Secret
  /** As its store calls it. */
  readonly version: string
  /** Where it is kept, if that is not the vault. */
  readonly store?: string
}

export type { Details, SecretChanges }

/** The vault over a store. Only the broker, and the server at its own start, may hold one. */
export function createVault(deps: {
  store: Store
  key: VaultKey
  clock: Clock
  /** What is kept elsewhere. */
  external?: ExternalSecrets
}): Vault {
  const { store, key, clock, external } = deps
  const sealer = {
    seal: (name: string, version: number, value: Secret) =>
      seal(key, contextOf(name, version), Buffer.from(value.reveal(), 'utf8')),
    open: (name: string, version: number, sealed: Uint8Array) =>
      new Secret(openSealed(key, contextOf(name, version), sealed).reveal().toString('utf8')),
  }
  const change = (tx: QueryCreator<Tables>) => changes(tx, sealer, clock)
  const usage = createUsage(deps)

  async function opened(name: string, use: Use = {}): Promise<Opened> {
    if (external?.storeOf(name) !== undefined) {
      const found = await external.open(name)
      usage.note({ name, used_ms: store.find('secret_names', { name })?.used_ms ?? null }, use.by)
      return found
    }
    const known = store.find('secret_names', { name })
    if (known === undefined || known.current_version === 0) throw missing(name)
    if (known.deleted_ms !== null)
      throw new MayflyError('secret_missing', `secret "${name}" is deleted: mayfly secret restore ${name}`)
    const version = use.version ?? known.current_version
    const row = store.find('secrets', { name, version })
    if (row === undefined)
      throw new MayflyError(
        'secret_missing',
        `secret "${name}" has no version ${version}: mayfly secret history ${name}`,
      )
    if (row.destroyed_ms !== null) throw destroyed(name, version)
    const value = sealer.open(name, version, row.sealed)
    usage.note(known, use.by)
    return { value, version: String(version) }
  }

  return {
    opened,
    open: async (name, use) => (await opened(name, use)).value,
    set: (name, value, by) =>
      store.write(async (tx) => {
        const secrets = change(tx)
        const version = await secrets.stage(name, value, by)
        await secrets.use(name, version)
        return version
      }),
    change,
    erase: () => store.emptyLog(),
    ...createListing(store),
    async check() {
      const row = await store.read
        .selectFrom('meta')
        .select('value')
        .where('key', '=', checkContext)
        .executeTakeFirst()
      if (row !== undefined) {
        openSealed(key, checkContext, Buffer.from(row.value, 'base64'))
        return
      }
      const value = seal(key, checkContext, Buffer.from('mayfly')).toString('base64')
      await store.write((tx) => tx.insertInto('meta').values({ key: checkContext, value }).execute())
    },
  }
}

function contextOf(name: string, version: number): string {
  return `secret "${name}" version ${version}`
}

function missing(name: string): MayflyError {
  return new MayflyError('secret_missing', `secret "${name}" is not in the vault: mayfly secret set ${name}`)
}

/** Nothing older is used in its place: whoever destroyed it may have had a reason that holds for the older ones, too. */
function destroyed(name: string, version: number): MayflyError {
  return new MayflyError(
    'secret_missing',
    `version ${version} of secret "${name}" is destroyed: mayfly secret set ${name}, or mayfly secret restore ${name} --version N`,
  )
}
