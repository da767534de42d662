import { kinds } from '../../../kinds/index.ts'
import type { Exchange } from '../../exchange.ts'

/** What is done with one object, at a path of ours that stands for the server's own. */
export type Transfer = 'download' | 'upload' | 'verify'

/** A request to a repository's LFS server (git-lfs, docs/api), or for an object of its answer. */
export type LfsRoute = { readonly repository: string } & (
  | { readonly kind: 'batch' }
  | { readonly kind: 'list-locks' | 'lock' | 'verify-locks' }
  | { readonly kind: 'unlock'; readonly lock: string }
  | { readonly kind: 'transfer'; readonly oid: string; readonly transfer: Transfer }
)

const shape = /^\/(?<repository>[A-Za-z0-9._~+/-]+?)(?:\.git)?\/info\/lfs\/(?<tail>[A-Za-z0-9/_-]+)$/
const lockQuery = /^(?:(?:path|id|cursor|limit|refspec)=[^&=]*(?:&|$))*$/

/** Undefined if it is none; `unknown` if it is one that no client of the basic transfer makes. */
export function lfsRouteOf({ request, path, query }: Exchange): LfsRoute | 'unknown' | undefined {
  if (!path.includes('/info/lfs/')) return undefined
  const { repository = '', tail = '' } = shape.exec(path)?.groups ?? {}
  if (!kinds.git.path.form.is(repository)) return 'unknown'
  const call = `${request.method} ${tail}`
  if (call === 'GET locks' && lockQuery.test(query)) return { kind: 'list-locks', repository }
  if (query !== '') return 'unknown'
  if (call === 'POST objects/batch') return { kind: 'batch', repository }
  if (call === 'POST locks') return { kind: 'lock', repository }
  if (call === 'POST locks/verify') return { kind: 'verify-locks', repository }
  const lock = /^POST locks\/([A-Za-z0-9_-]{1,200})\/unlock$/.exec(call)?.[1]
  if (lock !== undefined) return { kind: 'unlock', repository, lock }
  const [, method, oid = '', transfer] =
    /^([A-Z]+) mayfly\/([0-9a-f]{64})\/(download|upload|verify)$/.exec(call) ?? []
  return transfer !== undefined && method === methods[transfer as Transfer]
    ? { kind: 'transfer', repository, oid, transfer: transfer as Transfer }
    : 'unknown'
}

const methods: Readonly<Record<Transfer, string>> = { download: 'GET', upload: 'PUT', verify: 'POST' }
