import type { Parameters } from './query.ts'

/** A request in Kubernetes' words: what it asks for, as the API server's own reader takes it (apiserver, RequestInfo). */
export type Asked = Discovery | OfUrl | OfResource

/** Which resources and versions there are, and whether the server is well: every client asks that first. */
interface Discovery extends Target {
  readonly of: 'discovery'
}

/** What is no resource: `/metrics`. */
interface OfUrl extends Target {
  readonly of: 'url'
}

export interface OfResource extends Target {
  readonly of: 'resource'
  /** As RBAC has it: get, list, watch, create, update, patch, delete, deletecollection. */
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly subresource: string | undefined
  readonly namespace: string | undefined
  readonly name: string | undefined
}

export interface Target {
  /** As it is sent: what was judged, written anew. */
  readonly path: string
  readonly parameters: Parameters
}
