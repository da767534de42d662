import { kinds } from '../../kinds/index.ts'

/**
 * What a request to a registry is about (doc.rust-lang.org/cargo/reference/registry-index.html and registry-web-api.html).
 * `crate` is in lower case, as grants and the index name it; `spelled` as it came.
 */
export type Route =
  | { readonly kind: 'config' }
  | { readonly kind: 'index'; readonly crate: string }
  | DownloadRoute
  | { readonly kind: 'publish' }

export interface DownloadRoute {
  readonly kind: 'download'
  readonly crate: string
  readonly spelled: string
  readonly version: string
}

/** Undefined for what is not passed: search, yanking, owners. */
export function routeOf(method: string, path: string): Route | undefined {
  if (method === 'PUT') return path === '/api/v1/crates/new' ? { kind: 'publish' } : undefined
  if (method !== 'GET') return undefined
  if (path === '/config.json') return { kind: 'config' }
  const file = /^\/api\/v1\/crates\/(?<spelled>[^/]+)\/(?<version>[^/]+)\/download$/.exec(path)?.groups
  if (file === undefined) {
    const crate = path.slice(path.lastIndexOf('/') + 1)
    return isCrate(crate) && path === indexPath(crate) ? { kind: 'index', crate } : undefined
  }
  const { spelled = '', version = '' } = file
  const crate = spelled.toLowerCase()
  return isCrate(crate) && isVersion(version) ? { kind: 'download', crate, spelled, version } : undefined
}

/** Where the index has a crate: `/1/a`, `/2/ab`, `/3/a/abc`, `/ab/cd/abcd`. */
export function indexPath(crate: string): string {
  return `/${prefixOf(crate)}/${crate}`
}

export function prefixOf(crate: string): string {
  if (crate.length < 3) return String(crate.length)
  return crate.length === 3 ? `3/${crate[0]}` : `${crate.slice(0, 2)}/${crate.slice(2, 4)}`
}

export function isCrate(name: string): boolean {
  return name !== '' && kinds.cargo.path.form.is(name)
}

export function isVersion(name: string): boolean {
  return kinds.cargo.ref.form.is(name)
}
