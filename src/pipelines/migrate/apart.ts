import { templateOf, unknownHost } from './connections.ts'
import type { Migration, MovedRole, MovedSecret, Need } from './model.ts'

/** Accounts of one service: its address tells them apart no more than the name of the connection does. */
const accounts = new Set(['aws', 'gcp', 'azure'])

/**
 * What two jobs reach in two places is two connections, each with its own credential: a role for the one would else have the other's
 * rights. Places are told apart by address; where the script shows none, by its words for it, else by the secrets that opened it. The
 * first keeps the name, the next ones have a number.
 */
export function apart(migrations: readonly Migration[]): Migration[] {
  const names = new Map<string, Map<string, string>>()
  const taken = new Set(
    migrations.flatMap(({ roles }) =>
      roles.flatMap(({ needs }) => needs.map(({ connection }) => connection)),
    ),
  )
  const nameOf = (need: Need, role: MovedRole): string => {
    const key = placeOf(need, role)
    const places = names.get(need.connection) ?? new Map<string, string>()
    names.set(need.connection, places)
    const known = places.get(key)
    if (known !== undefined) return known
    let name = need.connection
    for (let number = 2; places.size > 0 && taken.has(name); number++) name = `${need.connection}-${number}`
    taken.add(name)
    places.set(key, name)
    return name
  }
  const done = migrations.map((migration) => {
    const renamed: { readonly from: Need; readonly to: string }[] = []
    const roles = migration.roles.map((role) => ({
      ...role,
      needs: role.needs.map((need) => {
        const connection = nameOf(need, role)
        renamed.push({ from: need, to: connection })
        const isUnknown = connection !== need.connection && need.url === undefined
        return { ...need, connection, ...(isUnknown ? unknownUrl(connection) : {}) }
      }),
    }))
    const moved = migration.moved.map((one): MovedSecret => ({
      ...one,
      connection:
        renamed.find(
          ({ from }) => from.connection === one.connection && from.by?.includes(one.reference.name) === true,
        )?.to ?? one.connection,
    }))
    return { ...migration, roles, moved }
  })
  return done.map((migration) => ({
    ...migration,
    notes: [...migration.notes, ...sharedBy(migration, done)],
  }))
}

/** What an address is to the table of connections: where it knows none, each place has a host of its own that is nowhere. */
function unknownUrl(connection: string): { readonly url?: string } {
  const { url } = templateOf(connection, undefined)
  const number = /-(\d+)$/.exec(connection)?.[1] ?? ''
  return url?.includes(unknownHost) === true
    ? { url: url.replace(unknownHost, `replace-me-${number}.invalid`) }
    : {}
}

function placeOf(need: Need, { needs }: MovedRole): string {
  const { connection, url, place } = need
  const usual = templateOf(connection, undefined).url
  const isAccount = accounts.has(connection)
  // The table knows the address, or there is one for all.
  if (connection === 'git' || connection.startsWith('git-')) return ''
  if (!isAccount && usual?.includes(unknownHost) === false) return url ?? usual
  if (url !== undefined || place !== undefined) return url ?? place ?? ''
  const by = needs.filter(
    (one) => one.connection === connection && one.url === undefined && one.place === undefined,
  )
  return `by ${[...new Set(by.flatMap((one) => one.by ?? []))].toSorted().join(' ')}`
}

/** Secrets under several names that become one credential. */
function sharedBy({ moved }: Migration, all: readonly Migration[]): string[] {
  const everywhere = all.flatMap((one) => one.moved)
  return [...new Set(moved.map(({ connection }) => connection))].flatMap((connection) => {
    const own = everywhere.filter((one) => one.connection === connection)
    const byTarget = Map.groupBy(own, ({ reference: { target, name } }) =>
      connection.startsWith('api-') ? '' : (target ?? name),
    )
    const several = [...byTarget.values()]
      .map((group) => [...new Set(group.map(({ reference }) => reference.name))].toSorted())
      .find((names) => names.length > 1)
    return several === undefined
      ? []
      : [
          `${several.join(' and ')} become one credential, that of ${connection}: it must be able to do what each of them could`,
        ]
  })
}
