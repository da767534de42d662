import type { IncomingHttpHeaders } from 'node:http'
import { azurePlaceOf } from '../../kinds/index.ts'
import { readTarget, type Target } from '../raw-target.ts'
import { called, unnamed, type Called, type Reading } from './called.ts'

/** A request of Blob Storage: of an account, by method and target. */
export interface BlobRequest {
  readonly account: string
  readonly method: string
  readonly target: Target
  readonly headers: IncomingHttpHeaders
  /** The connection's, which says whose hosts a source may be on. */
  readonly url: string
}

/** Behind `comp`: how each method's action ends; `!` in front of what changes nothing, and whose answer is no secret. */
type Table = Readonly<Record<string, Readonly<Record<string, string>>>>

const ofAccount: Table = {
  list: { GET: '!containers/read' },
  properties: { GET: '!read', PUT: 'write' },
  stats: { GET: '!read' },
  blobs: { GET: '!containers/blobs/filter/action' },
}

const ofContainer: Table = {
  '': {
    GET: '!containers/read',
    HEAD: '!containers/read',
    PUT: 'containers/write',
    DELETE: 'containers/delete',
  },
  metadata: { GET: '!containers/read', HEAD: '!containers/read', PUT: 'containers/write' },
  acl: {
    GET: '!containers/getacl/action',
    HEAD: '!containers/getacl/action',
    PUT: 'containers/setacl/action',
  },
  lease: { PUT: 'containers/write' },
  list: { GET: '!containers/blobs/read' },
  blobs: { GET: '!containers/blobs/filter/action' },
}

const read = '!containers/blobs/read'
const write = 'containers/blobs/write'
const held = 'containers/blobs/immutablestorage/runassuperuser/action'

const ofBlob: Table = {
  '': { GET: read, HEAD: read, PUT: write, DELETE: 'containers/blobs/delete' },
  metadata: { GET: read, HEAD: read, PUT: write },
  blocklist: { GET: read, PUT: write },
  pagelist: { GET: read, HEAD: read },
  tags: { GET: '!containers/blobs/tags/read', PUT: 'containers/blobs/tags/write' },
  query: { POST: read },
  ...Object.fromEntries(
    [
      'properties',
      'block',
      'page',
      'appendblock',
      'tier',
      'snapshot',
      'lease',
      'copy',
      'undelete',
      'seal',
    ].map((comp) => [comp, { PUT: write }]),
  ),
  incrementalcopy: { PUT: write },
  immutabilitypolicies: { PUT: held, DELETE: held },
  legalhold: { PUT: held },
}

/** Headers by which a blob is made of another: of them the source alone is known to be read. */
const sourceHeaders = ['x-ms-copy-source', 'x-ms-rename-source', 'x-ms-file-rename-source'] as const

/**
 * What a request of Blob Storage does, as RBAC calls it behind `Microsoft.Storage/storageAccounts/blobServices` (Azure Storage, "Authorize with
 * Microsoft Entra ID", permissions for blob service operations). What has no name goes by method, path and `comp`.
 */
export function readBlob(request: BlobRequest): Reading | string {
  const { account, method, target } = request
  const comp = valueOf(target, 'comp')
  const kind = valueOf(target, 'restype')
  const parts = target.parts.at(-1) === '' ? target.parts.slice(0, -1) : target.parts
  const other = { called: [unnamed('blob', account, method, target)] }
  const [first = ''] = parts
  if (first.includes('/') || (first === '' && parts.length > 0))
    return 'its container has no name that Blob Storage gives'
  if (kind === 'account') return { called: [called('blob/getinfo/action', account, true)] }
  const isContainer = kind === 'container'
  const table = parts.length === 0 ? ofAccount : isContainer ? ofContainer : kind === '' ? ofBlob : undefined
  const word = table?.[comp]?.[method]
  if (word === undefined || (isContainer && parts.length !== 1)) return other
  // One name alone is a blob of the container $root.
  const blob = parts.length === 1 ? `$root/${first}` : [first, ...target.parts.slice(1)].join('/')
  const of = parts.length === 0 ? account : isContainer ? `${account}/${first}` : `${account}/${blob}`
  // Whether that is a folder, a blob of $root or a container, a host may see in another way.
  if (!isContainer && parts.length > 0 && target.parts.slice(1).join('/') === '' && target.parts.length > 1)
    return other
  const source = sourceOf(request)
  if (typeof source === 'string') return source
  return { called: [mainOf(word, of, request), ...besides(request, of, isContainer), ...source] }
}

function mainOf(word: string, of: string, { method, target }: BlobRequest): Called {
  const has = (name: string) => target.query.some(([one]) => one.toLowerCase() === name)
  if (method !== 'DELETE' || !word.endsWith('blobs/delete'))
    return called(`blob/${word.replace('!', '')}`, of, word.startsWith('!'))
  const isForGood = valueOf(target, 'deletetype') === 'permanent'
  const action = isForGood
    ? 'permanentdelete/action'
    : has('versionid')
      ? 'deleteblobversion/action'
      : 'delete'
  return called(`blob/containers/blobs/${action}`, of)
}

/**
 * Who may read a container without a login, tags, by which policies of Azure decide, and until when nobody may delete a blob are
 * permissions of their own.
 */
function besides({ headers, method, target }: BlobRequest, of: string, isContainer: boolean): Called[] {
  const isOpened = isContainer && headers['x-ms-blob-public-access'] !== undefined && method === 'PUT'
  const isBlob = !isContainer && method === 'PUT'
  const isTagged =
    isBlob &&
    valueOf(target, 'comp') !== 'tags' &&
    (headers['x-ms-tags'] !== undefined || headers['x-ms-copy-source-tag-option'] !== undefined)
  const isHeld =
    isBlob && (headers['x-ms-immutability-policy-until-date'] ?? headers['x-ms-legal-hold']) !== undefined
  return [
    ...(isOpened && valueOf(target, 'comp') !== 'acl' ? [called('blob/containers/setacl/action', of)] : []),
    ...(isTagged ? [called('blob/containers/blobs/tags/write', of)] : []),
    ...(isHeld ? [called(`blob/${held}`, of)] : []),
  ]
}

/** What is read for a copy: a blob of an account, by its address without a signature. */
function sourceOf({ headers, method, url }: BlobRequest): Called[] | string {
  const shown = sourceHeaders.flatMap((name) => headers[name] ?? [])
  if (shown.length === 0) return []
  const written = headers['x-ms-copy-source']
  const elsewhere =
    'the source of its copy is no blob of Azure that could be judged: name it by https://ACCOUNT.blob..., without a signature'
  if (shown.length !== 1 || typeof written !== 'string' || method !== 'PUT' || !URL.canParse(written))
    return elsewhere
  // As it is written: the host reads no other path than was judged.
  const [, host = '', path = '', query = ''] =
    /^https:\/\/([a-z0-9.-]+)(?::443)?(\/[^?#\s]*)(?:\?([^#\s]*))?$/i.exec(written) ?? []
  const place = azurePlaceOf(host.toLowerCase(), url)
  const target = readTarget(path, query)
  if (place?.service !== 'blob' || typeof target === 'string') return elsewhere
  const name = target.parts.join('/')
  const isPlain = target.query.every(([one]) => /^(?:snapshot|versionid)$/i.test(one))
  if (!isPlain) return 'the source of its copy has a query that could be a signature (SAS): leave it out'
  if (target.parts.some((part) => part.includes('\\')) || name === '') return elsewhere
  return [
    called(
      'blob/containers/blobs/read',
      `${place.of}/${target.parts.length === 1 ? '$root/' : ''}${name}`,
      true,
    ),
  ]
}

function valueOf({ query }: Target, name: string): string {
  return (query.find(([one]) => one.toLowerCase() === name)?.[1] ?? '').toLowerCase()
}
