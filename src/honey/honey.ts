import { randomBytes } from 'node:crypto'
import type { HoneyConfig } from '../config/index.ts'
import { Secret, type RunId, type StepId } from '../lib/index.ts'
import type { QueryCreator } from 'kysely'
import { upsertRow, type Store, type Tables } from '../store/index.ts'
import { openSealed, seal, type VaultKey } from '../vault/index.ts'
import { coreOf, maxPlaces, readCore } from './core.ts'
import { writeFile, writeVariable, type Written } from './files.ts'
import { coresIn } from './find.ts'

export interface Honey {
  /** Of the policy in force; undefined if it plants nothing. */
  config(): HoneyConfig | undefined
  /** Do the steps of this role find anything? */
  plantsIn(role: string): boolean
  /** What is planted in this step: the same whenever, and by whichever server, it is asked. */
  plant(step: { readonly id: StepId; readonly role: string }): Promise<Planting | undefined>
  /** Where the planted values in a text come from; `unmarked`: also those that do not look like credentials. */
  find(text: string, options?: { unmarked?: boolean }): Promise<readonly Planted[]>
}

export interface Planting {
  readonly env: Readonly<Record<string, string>>
  /** By their paths in the step's home. */
  readonly files: Readonly<Record<string, string>>
  readonly secrets: readonly PlantedSecret[]
}

export interface PlantedSecret {
  /** `env:NAME` or `file:PATH`. */
  readonly place: string
  readonly value: Secret
}

/** Where a value was planted. */
export interface Planted {
  readonly run: RunId
  readonly step: StepId
  readonly name: string
  readonly role: string
  /** `env:NAME` or `file:PATH`. */
  readonly place: string
}

const seedKey = 'honey_seed'
const seedContext = 'seed of honey credentials'
const placesKey = 'honey_places'

export function createHoney(deps: {
  store: Store
  vaultKey: VaultKey
  config: () => HoneyConfig | undefined
}): Honey {
  const { store, vaultKey } = deps
  let seed: Promise<Secret<Buffer>> | undefined

  /** One for all servers, sealed; made when it is first needed. */
  function seedOf(): Promise<Secret<Buffer>> {
    seed ??= loadSeed(store, vaultKey).catch((error: unknown) => {
      seed = undefined
      throw error
    })
    return seed
  }

  const configOf = (role: string) => {
    const config = deps.config()
    return config?.roles?.includes(role) === false ? undefined : config
  }

  return {
    config: deps.config,
    plantsIn: (role) => configOf(role) !== undefined,
    async plant({ id, role }) {
      const config = configOf(role)
      if (config === undefined) return undefined
      const wanted = placesOf(config)
      const numbers = await numberPlaces(
        store,
        wanted.map(({ place }) => place),
      )
      const opened = (await seedOf()).reveal()
      const written = wanted.flatMap(({ place, name, write }, i) => {
        const number = numbers.get(place)
        // More places than there are numbers have been named in the life of this store: what is over stays unplanted.
        if (number === undefined) return []
        const host = config.hosts[i % config.hosts.length] ?? ''
        return [{ place, name, ...write({ seed: opened, core: coreOf(opened, id, number), host }) }]
      })
      const texts = (kind: string) =>
        Object.fromEntries(
          written.filter(({ place }) => place.startsWith(kind)).map(({ name, text }) => [name, text]),
        )
      return {
        env: texts('env:'),
        files: texts('file:'),
        secrets: written.flatMap(({ place, secrets }) =>
          secrets.map((value) => ({ place, value: new Secret(value, place) })),
        ),
      }
    },
    async find(text, { unmarked = false } = {}) {
      const opened = (await seedOf()).reveal()
      const found = await Promise.all(
        coresIn(opened, text, unmarked).map((core) => stepOf(store, opened, core)),
      )
      return found.filter((one) => one !== undefined)
    },
  }
}

interface Wanted {
  readonly place: string
  readonly name: string
  readonly write: (making: { seed: Buffer; core: Buffer; host: string }) => Written
}

function placesOf({ files, env }: HoneyConfig): Wanted[] {
  return [
    ...Object.entries(env).map(([name, kind]) => ({
      ...{ place: `env:${name}`, name },
      write: (making: Parameters<Wanted['write']>[0]) => writeVariable(kind, making),
    })),
    ...Object.entries(files).map(([name, kind]) => ({
      ...{ place: `file:${name}`, name },
      write: (making: Parameters<Wanted['write']>[0]) => writeFile(kind, making),
    })),
  ]
}

async function loadSeed(store: Store, vaultKey: VaultKey): Promise<Secret<Buffer>> {
  return store.write(async (tx, run) => {
    const known = await readMeta(tx, seedKey)
    if (known !== undefined) return openSealed(vaultKey, seedContext, Buffer.from(known, 'base64'))
    const made = randomBytes(32)
    const value = seal(vaultKey, seedContext, made).toString('base64')
    run(upsertRow('meta', 'key', { key: seedKey, value }))
    return new Secret(made)
  })
}

/** Places have a number each, for good: a value found years later still says which it was. */
async function numberPlaces(store: Store, places: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const known = placesIn(store.find('meta', { key: placesKey })?.value)
  if (places.every((place) => known.includes(place))) return numbersOf(known)
  return store.write(async (tx, run) => {
    const before = placesIn(await readMeta(tx, placesKey))
    const all = [...before, ...places.filter((place) => !before.includes(place))].slice(0, maxPlaces)
    run(upsertRow('meta', 'key', { key: placesKey, value: JSON.stringify(all) }))
    return numbersOf(all)
  })
}

function placesIn(value: string | undefined): string[] {
  return JSON.parse(value ?? '[]') as string[]
}

/** As the transaction itself sees it: others of the same commit come before. */
async function readMeta(tx: QueryCreator<Tables>, key: string): Promise<string | undefined> {
  const row = await tx.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst()
  return row?.value
}

function numbersOf(places: readonly string[]): Map<string, number> {
  return new Map(places.map((place, number) => [place, number]))
}

async function stepOf(store: Store, seed: Buffer, core: Buffer): Promise<Planted | undefined> {
  const read = readCore(seed, core)
  const { stepPrefix, place } = read
  const rows = await store.read
    .selectFrom('steps')
    .innerJoin('sessions', 'sessions.id', 'steps.session_id')
    .select(['steps.id', 'steps.name', 'steps.role', 'sessions.run_id'])
    .where('steps.id', '>=', stepPrefix)
    .where('steps.id', '<', `${stepPrefix}~`)
    .execute()
  const row = rows.find(({ id }) => read.isOf(id))
  if (row === undefined) return undefined
  return {
    run: row.run_id as RunId,
    step: row.id as StepId,
    name: row.name,
    role: row.role,
    place: placesIn(store.find('meta', { key: placesKey })?.value)[place] ?? 'unknown',
  }
}
