import { isDeepStrictEqual } from 'node:util'
import { parse } from 'smol-toml'
import { MayflyError } from '../../lib/index.ts'
import { foldedName, readTar, unpackOne } from '../archives/index.ts'
import { publishedDependency, tomlDependencies, type Dependency } from './dependency-forms.ts'
import type { Publication } from './publish-body.ts'

const maxUnpackedBytes = 1024 * 1_048_576

/** What people read: cargo resolves and builds by none of it. */
const free: ReadonlySet<string> = new Set([
  ...['authors', 'description', 'documentation', 'homepage', 'readme', 'readme_file', 'keywords'],
  ...['categories', 'license', 'license_file', 'repository', 'badges'],
])

/**
 * Why the JSON of a publication does not say what the Cargo.toml in its .crate says. A registry makes its index of the JSON, and
 * cargo resolves by the index: who may publish only a crate that somebody else packed must not be able to add a dependency to it.
 */
export async function besideCrate(
  { name, version, crate, about }: Publication,
  registry: string,
): Promise<string | undefined> {
  try {
    const { file } = await readTar(
      unpackOne(pieces(crate), maxUnpackedBytes),
      `${name}-${version}/Cargo.toml`,
      (path) => /^(?:[^/]*\/)?cargo\.toml$/.test(foldedName(path).replace(/^\.?\//, '')),
    )
    return whatDiffers(about, tableIn(file), registry)
  } catch (error) {
    if (!(error instanceof MayflyError)) throw error
    return `its .crate is not read: ${error.message}`
  }
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

function tableIn(file: Buffer): Table {
  try {
    return parse(new TextDecoder('utf-8', { fatal: true }).decode(file))
  } catch {
    throw new MayflyError('bad_input', 'its Cargo.toml is no TOML')
  }
}

type Table = Readonly<Record<string, unknown>>

export function whatDiffers(about: Table, toml: Table, registry: string): string | undefined {
  const manifest = (toml['package'] ?? {}) as Table
  const packed: Table = {
    name: manifest['name'],
    vers: manifest['version'],
    links: manifest['links'],
    rust_version: manifest['rust-version'],
    features: featuresOf(toml['features']),
    deps: sorted(tomlDependencies(toml, registry)),
  }
  const published: Table = {
    ...about,
    features: featuresOf(about['features']),
    deps: sorted(listIn(about['deps']).map((one) => publishedDependency(one, registry))),
  }
  const keys = new Set([...Object.keys(packed), ...Object.keys(published)].filter((key) => !free.has(key)))
  const key = [...keys].find((one) => !isDeepStrictEqual(published[one] ?? undefined, packed[one]))
  if (key === undefined) return undefined
  return `its JSON says ${key.slice(0, 50)}: ${shown(published[key])}, and Cargo.toml in its .crate ${shown(packed[key])}`
}

function listIn(deps: unknown): readonly Table[] {
  if (deps !== undefined && !Array.isArray(deps))
    throw new MayflyError('bad_input', 'deps in its JSON is no list')
  return (deps ?? []) as Table[]
}

function sorted(dependencies: readonly Dependency[]): readonly string[] {
  return dependencies.map((one) => JSON.stringify(one)).toSorted()
}

/** None, and none that is empty, are the same. */
function featuresOf(features: unknown): unknown {
  const entries = Object.entries((features ?? {}) as Table).map(([name, list]) => [
    name,
    Array.isArray(list) ? list.map(String).toSorted() : list,
  ])
  return Object.fromEntries(entries)
}

function shown(value: unknown): string {
  return value === undefined ? 'does not' : JSON.stringify(value).slice(0, 300)
}
