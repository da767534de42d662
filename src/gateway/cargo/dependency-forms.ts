import { MayflyError } from '../../lib/index.ts'

type Table = Readonly<Record<string, unknown>>

/** One dependency, in the one form to which both its JSON and its table in Cargo.toml are brought. */
export interface Dependency {
  readonly key: unknown
  readonly package: unknown
  readonly version: string
  readonly kind: string
  readonly target: string
  readonly optional: boolean
  readonly defaultFeatures: boolean
  readonly features: readonly string[]
  readonly registry: string
}

const wrong = (why: string) => new MayflyError('bad_input', why)

const known: ReadonlySet<string> = new Set([
  ...['optional', 'default_features', 'name', 'features', 'version_req', 'target', 'kind', 'registry'],
  'explicit_name_in_toml',
])

/** As cargo sends it (registry-web-api.html, "Publish"). */
export function publishedDependency(one: Table, own: string): Dependency {
  if (typeof one !== 'object' || one === null) throw wrong('a dependency in its JSON is none')
  // Whatever its value: registries in Go take "Optional" for "optional".
  const other = Object.keys(one).find((key) => !known.has(key))
  if (other !== undefined) throw wrong(`a dependency in its JSON has ${JSON.stringify(other.slice(0, 50))}`)
  return {
    ...{ key: one['explicit_name_in_toml'] ?? one['name'], package: one['name'] },
    ...{ version: plainRequirement(one['version_req']), kind: textOf(one['kind'], 'normal') },
    ...{ target: plainTarget(one['target']), optional: one['optional'] === true },
    ...{ defaultFeatures: one['default_features'] !== false, features: textsOf(one['features']) },
    registry: placeOf(one['registry'] ?? `sparse+${own}`, own),
  }
}

const kinds = { dependencies: 'normal', 'dev-dependencies': 'dev', 'build-dependencies': 'build' } as const

/** Of the Cargo.toml that cargo writes into a .crate. */
export function tomlDependencies(toml: Table, own: string): readonly Dependency[] {
  const places: [string | undefined, Table][] = [
    [undefined, toml],
    ...(Object.entries((toml['target'] ?? {}) as Table) as [string, Table][]),
  ]
  return places.flatMap(([target, place]) => {
    if ('dev_dependencies' in place || 'build_dependencies' in place)
      throw wrong('Cargo.toml has dependencies in a spelling that not all read')
    return Object.entries(kinds).flatMap(([table, kind]) =>
      Object.entries((place[table] ?? {}) as Table)
        .map(
          ([key, value]) => [key, (typeof value === 'string' ? { version: value } : value) as Table] as const,
        )
        // Of these by path alone cargo tells the registry nothing.
        .filter(([, one]) => kind !== 'dev' || one['version'] !== undefined)
        .map(([key, one]) => tomlDependency(key, one, { kind, target: plainTarget(target) }, own)),
    )
  })
}

function tomlDependency(
  key: string,
  one: Table,
  where: { kind: string; target: string },
  own: string,
): Dependency {
  const other = ['git', 'artifact', 'default_features', 'registry'].find((name) => name in one)
  if (other !== undefined) throw wrong(`its dependency ${JSON.stringify(key)} in Cargo.toml has ${other}`)
  return {
    ...{ key, package: one['package'] ?? key, version: plainRequirement(one['version']) },
    ...where,
    ...{ optional: one['optional'] === true, defaultFeatures: one['default-features'] !== false },
    features: textsOf(one['features']),
    registry: placeOf(one['registry-index'] ?? cratesIo, own),
  }
}

const cratesIo = 'https://github.com/rust-lang/crates.io-index'

/** The index of crates.io by its addresses, of which the last is that of its web API. */
const cratesIoPlaces = [cratesIo, 'sparse+https://index.crates.io', 'sparse+https://crates.io']

/** Which registry, by the whole address of its index: a host may have one for each owner. `own` is the connection's address. */
function placeOf(index: unknown, own: string): string {
  const place = plainPlace(textOf(index, ''))
  if (cratesIoPlaces.includes(place)) return cratesIo
  return place === plainPlace(`sparse+${own}`) ? 'own' : place
}

function plainPlace(text: string): string {
  const [, sparse = '', address = ''] = /^(?:registry\+)?(sparse\+)?(.*)$/s.exec(text) ?? []
  return `${sparse}${URL.parse(address)?.href ?? address}`.replace(/\/+$/, '')
}

function textOf(value: unknown, usual: string): string {
  const text = value ?? usual
  if (typeof text !== 'string') throw wrong('a dependency has something else where a text belongs')
  return text
}

function textsOf(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.map(String).toSorted() : []
}

/** As cargo prints what it read: `1.0` is `^1.0`. */
function plainRequirement(requirement: unknown): string {
  return textOf(requirement, '*')
    .split(',')
    .map((one) =>
      one
        .trim()
        .replaceAll(/\s+/g, '')
        .replaceAll(/[xX*](?=\.|$)/g, '*'),
    )
    .map((one) => (/^\d/.test(one) && !one.includes('*') ? `^${one}` : one))
    .join(', ')
}

/** Blanks outside of quotes say nothing. */
function plainTarget(target: unknown): string {
  return textOf(target, '').replaceAll(/("[^"]*")|\s+/g, '$1')
}
