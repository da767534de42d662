import { isDigest, kinds } from '../../kinds/index.ts'

/** What a request is for, by its method, path and query: the end points of OCI distribution-spec 1.1, section "Endpoints". */
export type Route =
  | { readonly kind: 'ping' }
  | { readonly kind: 'catalog'; readonly query: Query }
  | { readonly kind: 'tags'; readonly repository: string; readonly query: Query }
  | Referrers
  | Manifest
  | Blob
  | Upload

export interface Referrers {
  readonly kind: 'referrers'
  readonly repository: string
  readonly digest: string
  readonly query: Query
}

export interface Manifest {
  readonly kind: 'manifest'
  readonly repository: string
  /** A tag, or a digest. */
  readonly ref: string
}

export interface Blob {
  readonly kind: 'blob'
  readonly repository: string
  readonly digest: string
}

export interface Upload {
  readonly kind: 'upload'
  readonly repository: string
  /** Of an upload that has begun; empty for a new one. */
  readonly id: string
  readonly query: Query
}

export type Query = Readonly<Record<string, string>>

const nothing: readonly string[] = []
/** By kind: its methods, and what may stand in the query of each. */
const allowed: Readonly<Record<Route['kind'], Readonly<Record<string, readonly string[]>>>> = {
  ping: { GET: nothing, HEAD: nothing },
  catalog: { GET: ['n', 'last', 'next_page'] },
  tags: { GET: ['n', 'last', 'next_page'] },
  referrers: { GET: ['artifactType', 'n', 'last', 'next_page'] },
  manifest: { GET: nothing, HEAD: nothing, PUT: nothing, DELETE: nothing },
  blob: { GET: nothing, HEAD: nothing, DELETE: nothing },
  upload: {
    // `origin`: crane says where the source is, which we know.
    POST: ['digest', 'mount', 'origin', 'digest-algorithm', 'from'],
    PATCH: nothing,
    PUT: ['digest'],
    GET: nothing,
    DELETE: nothing,
  },
}

/**
 * The route, or why there is none. `path` is below `/v2`. `isPage`: the registry named just this query as the next page of the list,
 * which may hold parameters of its own.
 */
export function routeOf(
  method: string,
  path: string,
  query: string,
  isPage: (query: Query) => boolean = () => false,
): Route | string {
  const parameters = readQuery(query, method)
  if (parameters === undefined) return 'its query names something twice, or is none'
  const route = routeOfPath(path, parameters)
  if (typeof route === 'string') return route
  const names = Object.hasOwn(allowed[route.kind], method) ? allowed[route.kind][method] : undefined
  // Only a new upload is posted, and only one that has begun goes on.
  if (names === undefined || (route.kind === 'upload' && (route.id === '') !== (method === 'POST')))
    return `${method} is not for a ${route.kind}`
  if (method === 'GET' && 'query' in route && isPage(parameters)) return route
  const unknown = Object.keys(parameters).find((name) => !names.includes(name))
  return unknown === undefined ? route : `the query has "${unknown.slice(0, 40)}", which mayfly does not know`
}

function routeOfPath(path: string, query: Query): Route | string {
  if (path === '/') return { kind: 'ping' }
  if (path === '/_catalog') return { kind: 'catalog', query }
  const parts =
    /^\/(?<repository>.+?)\/(?:(?<tags>tags\/list)|manifests\/(?<ref>[^/]+)|referrers\/(?<subject>[^/]+)|blobs\/(?<digest>[^/]+)|blobs\/uploads\/(?<id>[A-Za-z0-9_-]*))$/.exec(
      path,
    )?.groups
  if (parts === undefined) return 'only the paths of the OCI distribution-spec pass here'
  const { repository = '', tags, ref, subject, digest, id } = parts
  const { path: paths, ref: refs } = kinds.oci
  if (!paths.form.is(repository)) return `its path is not ${paths.form.rule}`
  if (tags !== undefined) return { kind: 'tags', repository, query }
  if (id !== undefined) return { kind: 'upload', repository, id, query }
  if (ref !== undefined)
    return refs.form.is(ref) ? { kind: 'manifest', repository, ref } : `it names neither ${refs.form.rule}`
  const named = subject ?? digest ?? ''
  if (!isDigest(named)) return 'it names no digest: sha256: and 64 of 0-9a-f'
  return subject === undefined
    ? { kind: 'blob', repository, digest: named }
    : { kind: 'referrers', repository, digest: named, query }
}

/** Without `ns`, by which containerd tells a mirror whose registry it means: a connection is one registry. */
function readQuery(query: string, method: string): Query | undefined {
  const isRead = method === 'GET' || method === 'HEAD'
  const entries = [...new URLSearchParams(query)].filter(([name]) => !isRead || name !== 'ns')
  const read = Object.fromEntries(entries)
  return Object.keys(read).length === entries.length ? read : undefined
}
