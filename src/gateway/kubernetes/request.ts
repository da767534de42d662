import { coreGroup, secretsGroup } from '../../kinds/index.ts'
import type { Asked, OfResource, Target } from './asked.ts'
import { asReleases } from './helm.ts'
import { readQuery, valueOf, writeQuery, type Parameters } from './query.ts'

/** `path` is below the connection's URL and plain (see `plainTarget`). Returns why it is refused. */
export function readRequest(method: string, path: string, query: string): Asked | string {
  // Go takes `%2F` for a slash before it looks which resource it is; no other escape is in a name either.
  if (path.includes('%')) return 'no path of Kubernetes has escapes'
  const parameters = readQuery(query)
  if (typeof parameters === 'string') return parameters
  const parts = path.split('/').filter((part) => part !== '')
  const target = { path: `/${parts.join('/')}`, parameters }
  if (isDiscovery(parts)) return reads(method, { of: 'discovery', ...target })
  if (parts[0] !== 'api' && parts[0] !== 'apis') return reads(method, { of: 'url', ...target })
  const read = readResource(method, parts, parameters)
  return typeof read === 'string' ? read : asReleases({ of: 'resource', ...target, ...read })
}

/** Path and query as they are sent. */
export function targetOf({ path, parameters }: Target): string {
  return parameters.length === 0 ? path : `${path}?${writeQuery(parameters)}`
}

function reads<T>(method: string, asked: T): T | string {
  return method === 'GET' || method === 'HEAD' ? asked : `${method.slice(0, 20)} is for resources alone`
}

const health = new Set(['version', 'healthz', 'livez', 'readyz'])

function isDiscovery([root = '', ...rest]: readonly string[]): boolean {
  if (root === '' || health.has(root) || root === 'openapi') return true
  if (root === 'api') return rest.length <= 1
  return root === 'apis' && rest.length <= 2
}

const verbs: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const groupName = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/
const subresourceName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/
/** Words that stand in for a namespace's resources, and are subresources of the namespace itself. */
const ofNamespace = new Set(['status', 'finalize'])

type Named = Pick<OfResource, 'verb' | 'group' | 'resource' | 'subresource' | 'namespace' | 'name'>

function readResource(method: string, parts: readonly string[], parameters: Parameters): Named | string {
  const isCore = parts[0] === 'api'
  const group = isCore ? coreGroup : (parts[1] ?? '')
  if (!isCore && (!groupName.test(group) || group === coreGroup || group === secretsGroup))
    return 'its group is none'
  const [first = '', ...after] = parts.slice(isCore ? 2 : 3)
  if (first === 'proxy') return 'the old paths of a proxy are not carried: write /proxy after the name'
  const verb = verbs[method]
  if (verb === undefined) return `Kubernetes knows no method ${method.slice(0, 20)}`
  const isOldWatch = first === 'watch'
  if (isOldWatch && method !== 'GET') return 'a watch is asked by GET'
  const [namespace, rest] = readNamespace(isOldWatch ? after : [first, ...after])
  const [resource = '', name, subresource, ...more] = rest
  if (!label.test(resource)) return 'its resource is none'
  if (namespace !== undefined && !label.test(namespace)) return 'its namespace is none'
  if (subresource !== undefined && !subresourceName.test(subresource)) return 'its subresource is none'
  if (more.length > 0 && subresource !== 'proxy') return 'its path goes on after the subresource'
  const named = { group, resource, subresource, namespace }
  if (subresource !== undefined) return isOldWatch ? 'nobody watches a subresource' : { ...named, verb, name }
  const isWatch = isOldWatch || (name === undefined && verb === 'get' ? watches(parameters) : false)
  if (typeof isWatch === 'string') return isWatch
  if (isWatch) return { ...named, verb: 'watch', name: name ?? selectedName(parameters) }
  if (name !== undefined) return { ...named, verb, name }
  const ofAll = verb === 'get' ? 'list' : verb === 'delete' ? 'deletecollection' : verb
  const isMany = ofAll === 'list' || ofAll === 'deletecollection'
  return { ...named, verb: ofAll, name: isMany ? selectedName(parameters) : undefined }
}

/** The namespace, and what is asked of it: `namespaces/web` is a resource without one, as all that has no namespace in its path. */
function readNamespace(parts: readonly string[]): [string | undefined, readonly string[]] {
  const [first, namespace, next] = parts
  const isWithin = first === 'namespaces' && next !== undefined && !ofNamespace.has(next)
  return isWithin ? [namespace, parts.slice(2)] : [undefined, parts]
}

function watches(parameters: Parameters): boolean | string {
  const value = valueOf(parameters, 'watch')
  if (value === undefined || value === 'false' || value === '0') return false
  return value === 'true' || value === '1' || 'its "watch" is neither true nor false'
}

/** A list of the one that has this name: RBAC takes it for that, too. All of a selector's terms have to hold. */
function selectedName(parameters: Parameters): string | undefined {
  const selector = valueOf(parameters, 'fieldSelector') ?? ''
  if (selector.includes('\\')) return undefined
  const [one, ...others] = selector
    .split(',')
    .flatMap((term) => /^metadata\.name==?([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/.exec(term)?.[1] ?? [])
  return others.length === 0 ? one : undefined
}
