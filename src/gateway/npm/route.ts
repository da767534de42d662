import { kinds } from '../../kinds/index.ts'

/** What of a package's document is asked for: all of it, its tags, or what it says of one version, which a tag may name. */
export type Part = 'all' | 'tags' | { readonly version: string }

/** What a request is about, by its method and path alone. */
export type Route =
  | { readonly kind: 'packument'; readonly name: string; readonly part: Part }
  /** At the address that registries have by convention; others are known by a lockfile, or by a packument. */
  | { readonly kind: 'tarball'; readonly name: string; readonly version: string }
  | { readonly kind: 'publish' | 'stage'; readonly name: string }
  /** A tool that sees an identity token of the CI asks for one of the registry itself. */
  | { readonly kind: 'exchange'; readonly name: string }
  | { readonly kind: 'advisories' }
  | { readonly kind: 'keys' }
  | { readonly kind: 'attestations'; readonly name: string; readonly version: string }
  | { readonly kind: 'other' }

const scope = String.raw`@[A-Za-z0-9._~-]+\/`
const tarballForm = new RegExp(
  String.raw`^(?<name>(?:${scope})?[A-Za-z0-9._~-]+)\/-\/(?<file>[A-Za-z0-9._~+-]+)\.tgz$`,
)
const versionForm = new RegExp(String.raw`^(?<name>(?:${scope})?[^/]+)\/(?<version>[^/]+)$`)
const tagsForm = /^-\/package\/(?<name>.+)\/dist-tags$/
const attestationsForm = /^-\/npm\/v1\/attestations\/(?<name>.+)@(?<version>[^@/]+)$/

/** `path` is plain (see `Exchange`), and may have its scope's slash as `%2f`. */
export function routeOf(method: string, path: string, query: string): Route {
  const plain = path.replace(/%2f/gi, '/').slice(1)
  if (query !== '') return { kind: 'other' }
  if (method === 'PUT') return isName(plain) ? { kind: 'publish', name: plain } : { kind: 'other' }
  const staged = /^-\/stage\/package\/(?<name>.+)$/.exec(plain)?.groups?.['name']
  if (method === 'POST' && isName(staged)) return { kind: 'stage', name: staged }
  const exchanged = /^-\/npm\/v1\/oidc\/token\/exchange\/package\/(?<name>.+)$/.exec(plain)?.groups?.['name']
  if (method === 'POST' && isName(exchanged)) return { kind: 'exchange', name: exchanged }
  if (method === 'POST')
    return plain === '-/npm/v1/security/advisories/bulk' ? { kind: 'advisories' } : { kind: 'other' }
  if (method !== 'GET') return { kind: 'other' }
  if (plain === '-/npm/v1/keys') return { kind: 'keys' }
  const tarball = conventional(plain)
  if (tarball !== undefined) return { kind: 'tarball', ...tarball }
  const { name, version } = attestationsForm.exec(plain)?.groups ?? {}
  if (isName(name) && isVersion(version)) return { kind: 'attestations', name, version }
  const part = partIn(plain)
  return part === undefined ? { kind: 'other' } : { kind: 'packument', ...part }
}

/** `@octo/core`, `@octo/core/1.0.0`, `core/latest`, `-/package/core/dist-tags`. */
function partIn(plain: string): { name: string; part: Part } | undefined {
  if (kinds.npm.path.form.is(plain)) return { name: plain, part: 'all' }
  const tagsOf = tagsForm.exec(plain)?.groups?.['name']
  if (isName(tagsOf)) return { name: tagsOf, part: 'tags' }
  // What is not of a package is below `-`.
  const { name, version = '' } = plain.startsWith('-/') ? {} : (versionForm.exec(plain)?.groups ?? {})
  return isName(name) && (isVersion(version) || isTag(version)) ? { name, part: { version } } : undefined
}

/** `@octo/core/-/core-1.0.0.tgz`. */
function conventional(plain: string): { name: string; version: string } | undefined {
  const { name = '', file = '' } = tarballForm.exec(plain)?.groups ?? {}
  const base = `${unscoped(name)}-`
  return isName(name) && file.startsWith(base) && file.length > base.length
    ? { name, version: file.slice(base.length) }
    : undefined
}

/** The path of that convention, with its leading slash. */
export function conventionalPath(name: string, version: string): string {
  return `/${name}/-/${unscoped(name)}-${version}.tgz`
}

/** The path of a package's document, as npm writes it. */
export function packumentPath(name: string): string {
  return `/${name.replace('/', '%2f')}`
}

/**
 * Whether a path that a packument names for a file is of this package, in any of the layouts that registries have: one of another
 * package would be fetched past the grants that name it. One that a lockfile names must be of this `version`, too: what it says of
 * itself is what rules and record are about.
 *
 * GitLab `/@octo/core/-/@octo/core-1.0.0.tgz`, GitHub `/download/@octo/core/1.0.0/HASH`, Azure
 * `/core/versions/1.0.0/content`, and folders for versions. `path` is below the connection's, escapes resolved.
 */
export function isFileOf(path: string, name: string, version?: string): boolean {
  // What is not of a package is there; and the package `-`, which leaves a dependency out where it stands for it.
  if (path.startsWith('/-/') && !(name === '-' && path.startsWith('/-/-/'))) return false
  // Before `/-/` stands whose file it is; where there is none, the name is a folder on the way.
  const bar = path.lastIndexOf('/-/')
  const at = bar === -1 ? folderOf(path, name) : bar - name.length - 1
  // `/@octo/core/` is no place of the package `core`.
  const isNamed =
    path.startsWith(`/${name}/`, at) && (name.startsWith('@') || !/\/@[^/]*$/.test(path.slice(0, at)))
  if (!isNamed || version === undefined) return isNamed
  const rest = path.slice(at + name.length + 2)
  if (bar !== -1) return isNamedSo(rest.slice(2), name, version)
  return (
    isBelow(rest, name, version) || (path.startsWith('/download/', at - 9) && rest.startsWith(`${version}/`))
  )
}

/** Behind a folder that every file is in, the first folder of that name counts; a package may be called `download`. */
function folderOf(path: string, name: string): number {
  const downloads = path.indexOf(`/download/${name}/`)
  return downloads === -1 ? path.indexOf(`/${name}/`) : downloads + '/download'.length
}

/** Without `/-/`: `versions/1.0.0/content`, `1.0.0/core-1.0.0.tgz`. */
function isBelow(rest: string, name: string, version: string): boolean {
  if (rest === `versions/${version}/content`) return true
  return rest.startsWith(`${version}/`) && rest.endsWith('.tgz') && isNamedSo(rest, name, version)
}

/** `core-1.0.0.tgz`, with the scope in front or the version as a folder. What is no version (`1.0.2beta`, as of old) names no other. */
function isNamedSo(rest: string, name: string, version: string): boolean {
  const plain = rest.startsWith(`${version}/`) ? rest.slice(version.length + 1) : rest
  const scope = name.slice(0, name.length - unscoped(name).length)
  const file = plain.startsWith(scope) ? plain.slice(scope.length) : plain
  if (!file.startsWith(`${unscoped(name)}-`)) return false
  const said = file.slice(unscoped(name).length + 1).replace(/\.tgz$/, '')
  return said === version || !isVersion(said)
}

function unscoped(name: string): string {
  return name.slice(name.indexOf('/') + 1)
}

/** A name for a version. One that reads like a version or a range (`1.0.0-rc.1`, `v2`, `1.x`) would name two things: npm takes none either. */
export function isTag(tag: string): boolean {
  const range = /^[v=]*(?:\d+|x)(?:\.(?:\d+|x)(?:\.(?:\d+|x).*)?)?$/i
  return /^[A-Za-z0-9][A-Za-z0-9._~+/-]{0,99}$/.test(tag) && !range.test(tag)
}

export function isName(name: string | undefined): name is string {
  return name !== undefined && kinds.npm.path.form.is(name)
}

export function isVersion(version: string | undefined): version is string {
  return version !== undefined && kinds.npm.ref.form.is(version)
}
