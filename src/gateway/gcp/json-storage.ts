import { called, type Called, type Reading, unnamed } from './called.ts'
import { valuesOf, type Target } from './target.ts'

/** What the body of a request says, as far as it has been read. */
export type Body = Readonly<Record<string, unknown>>

/** A request of Cloud Storage's JSON API, split from its prefix (`storage/v1`). */
export interface JsonRequest {
  readonly method: string
  readonly target: Target
  /** Behind the version: `b`, bucket, `o`, object, ... */
  readonly parts: readonly string[]
  readonly isUpload: boolean
}

/** Undefined for what is the XML API's. */
export function splitJson(method: string, target: Target): JsonRequest | undefined {
  const { parts } = target
  const at = parts.indexOf('storage')
  const before = parts.slice(0, at).join('/')
  const isJson =
    (at === 0 || (at > 0 && /^(?:upload|resumable\/upload|download)$/.test(before))) && parts[at + 1] === 'v1'
  if (!isJson) return undefined
  return { method, target, parts: parts.slice(at + 2), isUpload: before.endsWith('upload') }
}

/** Whether its body says what it is about: such a body is read as a whole. */
export function hasJsonBody({ method, parts, isUpload, target }: JsonRequest): boolean {
  if (isUpload) return method === 'POST' && valuesOf(target, 'uploadType')[0] === 'resumable'
  return method === 'POST' || method === 'PATCH' || method === 'PUT' ? parts[0] === 'b' : false
}

/**
 * What it does, as IAM calls it (Cloud Storage, "IAM permissions for JSON methods"): copies read their source, ACLs are a policy.
 * What has no name goes by method and path. `body`: where `hasJsonBody` says so, and of an upload in parts the first of them.
 */
export function readJson(request: JsonRequest, body: Body): Reading | string {
  const { method, target, parts } = request
  const [b, bucket = '', o, object = '', ...rest] = parts
  const problem = problemOf(request)
  if (problem !== undefined) return problem
  const other = { called: [unnamed('storage', method, target)] }
  if (b !== 'b') return other
  if (request.isUpload || (method === 'POST' && parts.length === 3 && o === 'o'))
    return parts.length === 3 && o === 'o' && method === 'POST' ? readInsert(request, bucket, body) : other
  if (parts.length <= 2) return ofBuckets(method, bucket, parts.length === 1, body, target) ?? other
  // Whether its folders are real: whoever may list may know.
  if (o === 'storageLayout' && parts.length === 3 && method === 'GET')
    return { called: [called('storage.objects.list', bucket, true)] }
  if (o === 'iam') return ofPolicy(method, bucket, object) ?? other
  if (o !== 'o') return other
  if (parts.length === 3)
    return method === 'GET' ? { called: [called('storage.objects.list', bucket, true)] } : other
  const name = `${bucket}/${object}`
  if (object === '') return 'it names no object'
  if (rest.length === 0) {
    const verb = { GET: 'get', HEAD: 'get', DELETE: 'delete', PATCH: 'update', PUT: 'update' }[method]
    if (verb === undefined) return other
    return {
      called: [called(`storage.objects.${verb}`, name, verb === 'get'), ...aclsOf(target, body, name)],
    }
  }
  return ofSources(method, name, rest, target, body) ?? other
}

function problemOf({ target, parts }: JsonRequest): string | undefined {
  if (parts[0] === 'b' && [parts[1], parts[5] === 'b' ? parts[6] : ''].some((one) => one?.includes('/')))
    return 'its bucket has no name that Cloud Storage gives'
  if (parts[0] === 'b' && parts.length > 2 && parts[1] === '') return 'it names no bucket'
  const names = target.query.map(([name]) => name).filter((name) => name !== 'permissions')
  return new Set(names).size === names.length ? undefined : 'its query names a parameter twice'
}

/** Cloud Storage, "Object names". */
const maxNameBytes = 1_024

/** The name in the query counts, and so the name that was judged is written there. */
function readInsert({ target, isUpload }: JsonRequest, bucket: string, body: Body): Reading | string {
  const [type] = valuesOf(target, 'uploadType')
  if (isUpload && !['media', 'multipart', 'resumable'].includes(type ?? ''))
    return 'an upload is of uploadType media, multipart or resumable'
  const [inQuery] = valuesOf(target, 'name')
  const inBody = body['name']
  const name = inQuery ?? inBody
  if (typeof name !== 'string' || name === '') return 'its upload names no object'
  if (inBody !== undefined && inBody !== name) return 'its upload names two objects'
  if (body['bucket'] !== undefined && body['bucket'] !== bucket) return 'its upload names two buckets'
  if (Buffer.byteLength(name) > maxNameBytes || /(?:^|\/)\.{1,2}(?:\/|$)|[\u0000-\u001f\u007f]/.test(name))
    return 'its object has a name that is not passed on'
  const resource = `${bucket}/${name}`
  return {
    called: [called('storage.objects.create', resource), ...aclsOf(target, body, resource)],
    target: { ...target, query: [...target.query.filter(([one]) => one !== 'name'), ['name', name]] },
    ...(type === 'resumable' ? { begins: resource } : {}),
  }
}

function ofBuckets(
  method: string,
  bucket: string,
  isAll: boolean,
  body: Body,
  target: Target,
): Reading | undefined {
  if (isAll && method === 'GET') return { called: [called('storage.buckets.list', '', true)] }
  const name = isAll ? body['name'] : bucket
  const verb = isAll
    ? { POST: 'create' }[method]
    : { GET: 'get', PATCH: 'update', PUT: 'update', DELETE: 'delete' }[method]
  if (verb === undefined || typeof name !== 'string' || name === '') return undefined
  const needs = ([permission, ...asked]: readonly string[]) =>
    asksFor(target, body, asked) ? [called(`storage.buckets.${permission}`, name)] : []
  return {
    called: [called(`storage.buckets.${verb}`, name, verb === 'get'), ...ofBucketBesides.flatMap(needs)],
  }
}

function ofPolicy(method: string, bucket: string, sub: string): Reading | undefined {
  if (sub === 'testPermissions' && method === 'GET')
    return { called: [called('storage.buckets.testIamPermissions', bucket, true)] }
  const verb = sub === '' ? { GET: 'getIamPolicy', PUT: 'setIamPolicy' }[method] : undefined
  return verb === undefined
    ? undefined
    : { called: [called(`storage.buckets.${verb}`, bucket, verb === 'getIamPolicy')] }
}

/** An object that is made of others, and ACLs of one. */
function ofSources(
  method: string,
  name: string,
  [verb, b, bucket = '', o, object = '', ...more]: readonly string[],
  target: Target,
  body: Body,
): Reading | string | undefined {
  if (verb === 'acl') {
    const what = method === 'GET' ? 'getIamPolicy' : 'setIamPolicy'
    return { called: [called(`storage.objects.${what}`, name, method === 'GET')] }
  }
  if (method !== 'POST' || more.length > 0) return undefined
  if (verb === 'compose' && b === undefined) return composed(name, target, body)
  if (verb === 'moveTo' && b === 'o' && bucket !== '' && o === undefined) {
    const to = `${name.split('/')[0]}/${bucket}`
    return { called: [called('storage.objects.move', name), called('storage.objects.create', to)] }
  }
  if ((verb !== 'copyTo' && verb !== 'rewriteTo') || b !== 'b' || o !== 'o' || object === '') return undefined
  const to = `${bucket}/${object}`
  return {
    called: [
      called('storage.objects.get', name, true),
      called('storage.objects.create', to),
      ...aclsOf(target, body, to),
    ],
  }
}

function composed(name: string, target: Target, body: Body): Reading | string {
  const { sourceObjects: sources } = body
  const bucket = name.split('/')[0] ?? ''
  const names = Array.isArray(sources) ? sources.map((one) => (one as { name?: unknown } | null)?.name) : []
  if (
    names.length === 0 ||
    names.length > 100 ||
    !names.every((one) => typeof one === 'string' && one !== '' && Buffer.byteLength(one) <= maxNameBytes)
  )
    return 'its sources cannot be read'
  const gone = body['deleteSourceObjects'] === true || valuesOf(target, 'deleteSourceObjects')[0] === 'true'
  return {
    called: [
      called('storage.objects.create', name),
      ...names.flatMap((one) => [
        called('storage.objects.get', `${bucket}/${String(one)}`, true),
        ...(gone ? [called('storage.objects.delete', `${bucket}/${String(one)}`)] : []),
      ]),
      ...aclsOf(target, (body['destination'] ?? {}) as Body, name),
    ],
  }
}

/** Permissions of their own, and what asks for them in a query or a body (Cloud Storage, "IAM permissions for JSON methods"). */
const ofBucketBesides: readonly (readonly string[])[] = [
  [
    ...['setIamPolicy', 'acl', 'defaultObjectAcl', 'iamConfiguration'],
    ...['predefinedAcl', 'predefinedDefaultObjectAcl'],
  ],
  ['enableObjectRetention', 'enableObjectRetention'],
  ['setIpFilter', 'ipFilter'],
]
const ofObjectBesides: readonly (readonly string[])[] = [
  ['setIamPolicy', 'acl', 'predefinedAcl', 'destinationPredefinedAcl'],
  ['setRetention', 'retention'],
  ['overrideUnlockedRetention', 'overrideUnlockedRetention'],
  ['createContext', 'contexts'],
]

function aclsOf(target: Target, body: Body, name: string): Called[] {
  return ofObjectBesides.flatMap(([permission, ...asked]) =>
    asksFor(target, body, asked) ? [called(`storage.objects.${permission}`, name)] : [],
  )
}

/** In either spelling of a name: Google's readers of JSON take both `defaultObjectAcl` and `default_object_acl`. */
function asksFor({ query }: Target, body: Body, names: readonly string[]): boolean {
  const plain = new Set(names.map(spelledPlain))
  return [...Object.keys(body), ...query.map(([name]) => name)].some((one) => plain.has(spelledPlain(one)))
}

function spelledPlain(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}
