import type { IncomingHttpHeaders } from 'node:http'
import { called, unnamed, type Called, type Reading } from './called.ts'
import { valuesOf, type Target } from './target.ts'

/** Parameters that say how, and not what. */
const plain =
  /^(?:prefix|delimiter|marker|max-keys|max-uploads|max-parts|generation|generation-marker|versions|list-type|continuation-token|start-after|encoding-type|fetch-owner|userProject|response-[a-z-]+|uploads|uploadId|partNumber|key-marker|upload-id-marker|part-number-marker|alt)$/

/**
 * What a request of Cloud Storage's XML API does (Cloud Storage, "IAM permissions for XML requests"), by the path or the bucket in
 * front of the host. What has no name goes by method, path and the names of its parameters.
 */
export function readXml(
  {
    method,
    target,
    bucket: ofHost,
    project,
  }: { method: string; target: Target; bucket: string | undefined; project: string },
  headers: IncomingHttpHeaders,
): Reading | string {
  const names = target.query.map(([name]) => name)
  if (new Set(names).size !== names.length) return 'its query names a parameter twice'
  const [first = '', ...rest] = target.parts
  const bucket = ofHost ?? first
  const object = (ofHost === undefined ? rest : target.parts).join('/')
  // Without this header a host takes the project that its credential is of.
  const ofProject = { 'x-goog-project-id': project }
  if (bucket === '')
    // `//bucket/object` is taken for that object elsewhere.
    return method === 'GET' && target.parts.length === 0
      ? { called: [called('storage.buckets.list', '', true)], headers: ofProject }
      : 'it names no bucket'
  if (bucket.includes('/')) return 'its bucket has no name that Cloud Storage gives'
  if (method === 'POST' && object === '' && names.length === 0)
    return 'an upload by a form is signed, and its signature is not passed on: use PUT'
  const resource = object === '' ? bucket : `${bucket}/${object}`
  if (names.some((name) => !plain.test(name))) return { called: [other(method, resource, target)] }
  const permission = object === '' ? ofBucket(method, names) : ofObject(method, names, headers)
  if (permission === undefined) return { called: [other(method, resource, target)] }
  const source = readSource(headers)
  if (source === false || (source !== undefined && permission !== 'objects.create'))
    return 'the source of the copy cannot be read'
  const isRead = /\.(?:get|list|listParts)$/.test(permission)
  return {
    called: [
      called(`storage.${permission}`, resource, isRead),
      ...besides(headers, object === '' ? 'buckets' : 'objects', resource),
      ...(source === undefined ? [] : [called('storage.objects.get', source, true)]),
    ],
    ...(permission === 'buckets.create' ? { headers: ofProject } : {}),
    ...(headers['x-goog-resumable'] === 'start' && method === 'POST' ? { begins: resource } : {}),
  }
}

/** What headers ask for besides (Cloud Storage, "HTTP headers"): permissions of their own. */
function besides(headers: IncomingHttpHeaders, of: 'buckets' | 'objects', resource: string): Called[] {
  const names = Object.keys(headers)
  const isLock = names.some(
    (name) => name.startsWith('x-goog-object-lock-') || name === 'x-goog-bucket-object-lock-enabled',
  )
  return [
    ...(names.some((name) => /^x-goog-(?:acl|grant-.*)$/.test(name))
      ? [called(`storage.${of}.setIamPolicy`, resource)]
      : []),
    ...(isLock
      ? [
          called(
            of === 'buckets' ? 'storage.buckets.enableObjectRetention' : 'storage.objects.setRetention',
            resource,
          ),
        ]
      : []),
    ...(names.includes('x-goog-bypass-governance-retention')
      ? [called('storage.objects.overrideUnlockedRetention', resource)]
      : []),
  ]
}

function other(method: string, resource: string, target: Target) {
  return unnamed('storage', method, { parts: [resource], query: target.query }, true)
}

function ofBucket(method: string, names: readonly string[]): string | undefined {
  if (names.includes('uploads')) return method === 'GET' ? 'multipartUploads.list' : undefined
  return { GET: 'objects.list', HEAD: 'buckets.get', PUT: 'buckets.create', DELETE: 'buckets.delete' }[method]
}

function ofObject(
  method: string,
  names: readonly string[],
  headers: IncomingHttpHeaders,
): string | undefined {
  if (names.includes('uploadId') && method === 'GET') return 'multipartUploads.listParts'
  if (names.includes('uploadId') && method === 'DELETE') return 'multipartUploads.abort'
  if (method === 'POST') {
    const isOne =
      names.includes('uploads') || names.includes('uploadId') || headers['x-goog-resumable'] === 'start'
    return isOne ? 'objects.create' : undefined
  }
  return { GET: 'objects.get', HEAD: 'objects.get', PUT: 'objects.create', DELETE: 'objects.delete' }[method]
}

function readSource(headers: IncomingHttpHeaders): string | false | undefined {
  const written = headers['x-goog-copy-source']
  if (written === undefined) return undefined
  if (typeof written !== 'string') return false
  try {
    const name = decodeURIComponent(written.replace(/^\//, ''))
    const isOdd = !/^[^/?#]+\/./.test(name) || /(?:^|\/)\.{1,2}(?:\/|$)|[?\u0000-\u001f\u007f]/.test(name)
    return isOdd ? false : name
  } catch {
    return false
  }
}

/** Its upload id: of a session that was begun before. */
export function uploadIdOf(target: Target): string | undefined {
  return valuesOf(target, 'upload_id')[0]
}
