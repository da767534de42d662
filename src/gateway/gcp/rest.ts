import { called, unnamed, type Called } from './called.ts'
import type { Target } from './target.ts'

/**
 * Services whose paths are built as Google's API Improvement Proposals say (AIP-122, 127, 131 to 136), so that collection and method
 * are the permission of IAM. All others go by method and path.
 */
const regular: ReadonlySet<string> = new Set([
  ...['artifactregistry', 'run', 'container', 'cloudbuild', 'cloudfunctions', 'clouddeploy', 'pubsub', 'iam'],
  ...['secretmanager', 'cloudresourcemanager', 'cloudkms', 'workflows', 'cloudscheduler', 'cloudtasks'],
  ...['eventarc', 'serviceusage', 'logging', 'monitoring'],
])

const verbs: Readonly<Record<string, readonly [onItem: string | undefined, onCollection?: string]>> = {
  GET: ['get', 'list'],
  POST: [undefined, 'create'],
  PATCH: ['update'],
  PUT: ['update'],
  DELETE: ['delete'],
}

const reading = /^(?:get|list|getIamPolicy|testIamPermissions|search[A-Z]?\w*|fetch[A-Z]\w*)$/
/** What reads, and whose answer may open something. */
const opening = /^(?:container\.clusters\.(?:get|list)|.*[kK]eys\..*)$/

/** What a request to another service than Cloud Storage does; or why it is refused. */
export function readRest(
  { service, project }: { readonly service: string; readonly project: string },
  method: string,
  target: Target,
): Called | string {
  const path = resourceOf(target.parts)
  if (!regular.has(service) || path === undefined) return unnamed(service, method, target)
  const { parts, verb } = path
  const rest = parts[0] === 'projects' && parts[1] === project && parts.length > 2 ? parts.slice(2) : parts
  const isItem = parts.length % 2 === 0
  const collection = parts[isItem ? parts.length - 2 : parts.length - 1] ?? ''
  const what =
    verb ?? (createdByPut(service, method, collection) ? 'create' : verbs[method]?.[isItem ? 0 : 1])
  if (what === undefined || !/^[a-zA-Z][A-Za-z0-9]{0,60}$/.test(collection))
    return unnamed(service, method, target)
  const id = what === 'create' && !isItem ? createdId(target) : undefined
  if (id?.problem !== undefined) return id.problem
  const permission = `${service}.${collection}.${what}`
  const resource = [...rest, ...(id?.name === undefined ? [] : [id.name])].join('/')
  return called(permission, resource, isReading(method, permission, what, verb))
}

/** Pub/Sub makes what is put under a name (its reference, `projects.topics.create`). */
function createdByPut(service: string, method: string, collection: string): boolean {
  return service === 'pubsub' && method === 'PUT' && /^(?:topics|subscriptions|snapshots)$/.test(collection)
}

function isReading(method: string, permission: string, what: string, verb: string | undefined): boolean {
  const isPlain = verb === undefined ? method === 'GET' : /^(?:GET|POST)$/.test(method)
  return isPlain && reading.test(what) && !opening.test(permission)
}

/** Behind the version; of Cloud Run's older API behind its name for Kubernetes'. A method of its own follows a colon. */
function resourceOf(
  all: readonly string[],
): { readonly parts: readonly string[]; readonly verb: string | undefined } | undefined {
  const isKnative =
    all[0] === 'apis' && /^[a-z.]+\.knative\.dev$/.test(all[1] ?? '') && all[3] === 'namespaces'
  const behind = isKnative
    ? ['projects', ...all.slice(4)]
    : /^v\d\w{0,10}$/.test(all[0] ?? '')
      ? all.slice(1)
      : []
  const last = behind.at(-1) ?? ''
  const [, name = last, verb] = /^(.*):([a-zA-Z]{1,60})$/.exec(last) ?? []
  const parts = [...behind.slice(0, -1), name]
  if (behind.length === 0 || parts.some((part) => part === '' || part.includes('/'))) return undefined
  return { parts, verb }
}

/** AIP-133: what is created is named in the query, if its body does not: `serviceId`. */
function createdId({ query }: Target): { readonly name?: string; readonly problem?: string } {
  const ids = query.filter(([name]) => /(?:^|[a-z])(?:Id|_id)$/.test(name) && !/^request_?id$/i.test(name))
  if (ids.length > 1) return { problem: 'its query names what it creates twice' }
  const [, name] = ids[0] ?? []
  return name === undefined || name === '' ? {} : { name }
}
