import type { CheckoutFiles } from '../read/checkout-files.ts'
import type { Package, Packages } from '../migrate/model.ts'

const maxManifests = 100

/** The packages that a checkout is the source of, as its manifests name them. Read as text: nothing of them runs. */
export function packagesOf(files: CheckoutFiles): Packages {
  const found: Record<string, Package[]> = {}
  const add = (kind: string, one: Package | undefined) => {
    if (one !== undefined) (found[kind] ??= []).push(one)
  }
  for (const path of manifestsOf(files)) {
    const file = files.read(path)
    if (file?.ok !== true) continue
    if (path.endsWith('package.json')) add('npm', npmPackage(file.text))
    else if (path.endsWith('pyproject.toml')) add('pypi', pythonPackage(file.text))
    else if (path.endsWith('Cargo.toml')) add('cargo', cargoPackage(file.text))
    else if (path.endsWith('.gemspec')) add('rubygems', gemPackage(file.text))
    else add('maven', mavenPackage(file.text))
  }
  return found
}

/** Of the root, and of the folders where repositories of several packages keep them. */
function manifestsOf(files: CheckoutFiles): string[] {
  const name = /(?:^|\/)(?:package\.json|pyproject\.toml|Cargo\.toml|pom\.xml|[\w.-]+\.gemspec)$/
  const all = [
    ...files.list('.', 0),
    ...['packages', 'crates', 'libs', 'modules'].flatMap((folder) => files.list(folder, 1)),
  ]
  return [...new Set(all)]
    .filter((path) => name.test(path) && !path.includes('node_modules/'))
    .slice(0, maxManifests)
}

function npmPackage(text: string): Package | undefined {
  const { name, version, isPrivate } = jsonFacts(text)
  if (isPrivate || name === undefined || !/^(?:@[a-z0-9._~-]+\/)?[a-z0-9._~-]+$/.test(name)) return undefined
  return { name, versions: versionsOf(version) }
}

function jsonFacts(text: string): { name?: string; version?: string; isPrivate: boolean } {
  try {
    const value = JSON.parse(text) as unknown
    if (typeof value !== 'object' || value === null) return { isPrivate: true }
    const { name, version, private: isPrivate } = value as Record<string, unknown>
    return {
      ...(typeof name === 'string' ? { name } : {}),
      ...(typeof version === 'string' ? { version } : {}),
      isPrivate: isPrivate === true,
    }
  } catch {
    return { isPrivate: true }
  }
}

/** Values of one table of a TOML file, as far as they are plain texts on one line. */
function tomlTable(text: string, table: RegExp): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let isWithin = false
  for (const line of text.split('\n').slice(0, 20_000)) {
    const head = /^\s*\[([^[\]]+)\]\s*(?:#.*)?$/.exec(line)?.[1]
    if (head !== undefined) isWithin = table.test(head.trim())
    const [, key, value] = /^\s*([\w-]+)\s*=\s*["']([^"']*)["']/.exec(line) ?? []
    if (isWithin && key !== undefined && value !== undefined && !values.has(key)) values.set(key, value)
  }
  return values
}

function pythonPackage(text: string): Package | undefined {
  const values = tomlTable(text, /^(?:project|tool\.poetry)$/)
  const name = values
    .get('name')
    ?.toLowerCase()
    .replaceAll(/[-_.]+/g, '-')
  if (name === undefined || !/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(name)) return undefined
  return { name, versions: versionsOf(values.get('version')) }
}

function cargoPackage(text: string): Package | undefined {
  const values = tomlTable(text, /^package$/)
  const name = values.get('name')?.toLowerCase()
  if (name === undefined || !/^[a-z0-9_-]{1,64}$/.test(name) || /^\s*publish\s*=\s*false/m.test(text))
    return undefined
  return { name, versions: versionsOf(values.get('version')) }
}

function gemPackage(text: string): Package | undefined {
  const name = /\.name\s*=\s*["']([\w.-]{1,100})["']/.exec(text)?.[1]
  return name === undefined
    ? undefined
    : { name, versions: versionsOf(/\.version\s*=\s*["']([\w.-]{1,50})["']/.exec(text)?.[1]) }
}

function mavenPackage(text: string): Package | undefined {
  const own = text
    .slice(0, 200_000)
    .replaceAll(/<(parent|dependencies|build|profiles|dependencyManagement)>[^]*?<\/\1>/g, '')
  const parent = /<parent>([^]*?)<\/parent>/.exec(text.slice(0, 200_000))?.[1] ?? ''
  const said = (name: string, within: string) =>
    new RegExp(`<${name}>\\s*([\\w.-]{1,200})\\s*</${name}>`).exec(within)?.[1]
  const group = said('groupId', own) ?? said('groupId', parent)
  const artifact = said('artifactId', own)
  if (group === undefined || artifact === undefined) return undefined
  return {
    name: `${group}:${artifact}`,
    versions: versionsOf(said('version', own) ?? said('version', parent)),
  }
}

/** The next ones: of the same first number. Of a version that nobody says, any that has two. */
function versionsOf(version: string | undefined): string {
  const first = /^v?(\d{1,9})\./.exec(version ?? '')?.[1]
  return first === undefined ? '*.*' : `${first}.*`
}
