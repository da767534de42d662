import { isAwsReading } from '../../kinds/index.ts'
import { named, type Called, type Reading } from './called.ts'
import type { Pair } from './sigv4.ts'
import type { Target } from './target.ts'

interface Asked {
  readonly method: string
  readonly target: Target
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The bucket in front of the host's name. */
  readonly bucket: string | undefined
}

/**
 * What a request to S3 does, as IAM calls it (Service Authorization Reference, "Actions defined by Amazon S3"): by method and
 * subresource. A copy reads its source, a header that sets an ACL or tags is that action, too. Batch deletes are named by their
 * body (`s3-delete.ts`). What has no name goes by its method.
 */
export function readS3({ method, target, headers, bucket: ofHost }: Asked): Reading | string {
  const path = target.parts.join('/')
  const [first = '', ...rest] = target.parts
  const bucket = ofHost ?? first
  const key = ofHost === undefined ? rest.join('/') : path
  const names = target.query.map(([name]) => name)
  if (new Set(names).size !== names.length) return 'its query names a parameter twice'
  if (bucket === '')
    return method === 'GET' && path === ''
      ? { called: [call('ListAllMyBuckets', '~', true)] }
      : 'it names no bucket'
  if (!/^[a-z0-9A-Z._-]{3,255}$/.test(bucket)) return 'its bucket has no name that S3 gives'
  const subs = names.filter((name) => !isPlain(name))
  const resource = named(key === '' ? bucket : `${bucket}/${key}`)
  if (subs.length > 1) return `it asks for ${subs.slice(0, 5).join(' and ')} at once`
  const [sub = ''] = subs
  const asked = { method, sub, resource, headers, isCopy: headers['x-amz-copy-source'] !== undefined }
  const found = key === '' ? ofBucket(asked, target.query) : ofObject(asked, target.query)
  const action = call(found ?? method, resource, found !== undefined && isAwsReading(found))
  const source = asked.isCopy ? readSource(String(headers['x-amz-copy-source'])) : undefined
  if (typeof source === 'string') return source
  return { called: [action, ...besides(asked, key === ''), ...(source === undefined ? [] : [source])] }
}

function call(action: string, resource: string, read: boolean): Called {
  return { service: 's3', action, resource, read }
}

interface Judged {
  readonly method: string
  readonly sub: string
  readonly resource: string
  readonly headers: Asked['headers']
  readonly isCopy: boolean
}

/** Parameters that say how, and not what. Others that stand for headers (`x-amz-acl`) are none: what asks for them has no name. */
const plain =
  /^(?:x-id|id|select-type|list-type|prefix|delimiter|marker|key-marker|version-id-marker|upload-id-marker|part-number-marker|max-keys|max-parts|max-uploads|max-buckets|bucket-region|continuation-token|start-after|encoding-type|fetch-owner|versionId|partNumber|response-[a-z-]+|x-amz-checksum-[a-z0-9]+|x-amz-sdk-checksum-algorithm)$/

function isPlain(name: string): boolean {
  return plain.test(name)
}

/** By subresource: what reading, writing and deleting it are called. */
const subresources: Readonly<Record<string, readonly [get?: string, put?: string, remove?: string]>> = {
  accelerate: ['GetAccelerateConfiguration', 'PutAccelerateConfiguration'],
  acl: ['GetBucketAcl', 'PutBucketAcl'],
  analytics: ['GetAnalyticsConfiguration', 'PutAnalyticsConfiguration', 'PutAnalyticsConfiguration'],
  cors: ['GetBucketCORS', 'PutBucketCORS', 'PutBucketCORS'],
  encryption: ['GetEncryptionConfiguration', 'PutEncryptionConfiguration', 'PutEncryptionConfiguration'],
  inventory: ['GetInventoryConfiguration', 'PutInventoryConfiguration', 'PutInventoryConfiguration'],
  lifecycle: ['GetLifecycleConfiguration', 'PutLifecycleConfiguration', 'PutLifecycleConfiguration'],
  location: ['GetBucketLocation'],
  logging: ['GetBucketLogging', 'PutBucketLogging'],
  metrics: ['GetMetricsConfiguration', 'PutMetricsConfiguration', 'PutMetricsConfiguration'],
  notification: ['GetBucketNotification', 'PutBucketNotification'],
  'object-lock': ['GetBucketObjectLockConfiguration', 'PutBucketObjectLockConfiguration'],
  ownershipControls: [
    ...(['GetBucketOwnershipControls', 'PutBucketOwnershipControls', 'PutBucketOwnershipControls'] as const),
  ],
  policy: ['GetBucketPolicy', 'PutBucketPolicy', 'DeleteBucketPolicy'],
  policyStatus: ['GetBucketPolicyStatus'],
  publicAccessBlock: [
    ...(['GetBucketPublicAccessBlock', 'PutBucketPublicAccessBlock', 'PutBucketPublicAccessBlock'] as const),
  ],
  replication: ['GetReplicationConfiguration', 'PutReplicationConfiguration', 'PutReplicationConfiguration'],
  requestPayment: ['GetBucketRequestPayment', 'PutBucketRequestPayment'],
  session: ['CreateSession'],
  tagging: ['GetBucketTagging', 'PutBucketTagging', 'PutBucketTagging'],
  uploads: ['ListBucketMultipartUploads'],
  versioning: ['GetBucketVersioning', 'PutBucketVersioning'],
  versions: ['ListBucketVersions'],
  website: ['GetBucketWebsite', 'PutBucketWebsite', 'DeleteBucketWebsite'],
}

const ofObjects: typeof subresources = {
  acl: ['GetObjectAcl', 'PutObjectAcl'],
  attributes: ['GetObjectAttributes'],
  'legal-hold': ['GetObjectLegalHold', 'PutObjectLegalHold'],
  retention: ['GetObjectRetention', 'PutObjectRetention'],
  tagging: ['GetObjectTagging', 'PutObjectTagging', 'DeleteObjectTagging'],
  torrent: ['GetObjectTorrent'],
  uploadId: ['ListMultipartUploadParts', 'PutObject', 'AbortMultipartUpload'],
}

const columns: Readonly<Record<string, number>> = { GET: 0, HEAD: 0, PUT: 1, DELETE: 2 }

function ofBucket({ method, sub, isCopy }: Judged, query: readonly Pair[]): string | undefined {
  if (isCopy) return undefined
  if (sub !== '') return of(subresources, sub, method)
  if (method === 'GET' || method === 'HEAD') return 'ListBucket'
  // Other parameters say nothing of what is made or removed.
  if (query.some(([name]) => name !== 'x-id')) return undefined
  return { PUT: 'CreateBucket', DELETE: 'DeleteBucket' }[method]
}

function ofObject({ method, sub, isCopy }: Judged, query: readonly Pair[]): string | undefined {
  const isVersion = query.some(([name]) => name === 'versionId')
  if (isCopy) return method === 'PUT' && (sub === '' || sub === 'uploadId') ? 'PutObject' : undefined
  if (method === 'POST') {
    const asked: Readonly<Record<string, string>> = {
      uploads: 'PutObject',
      uploadId: 'PutObject',
      restore: 'RestoreObject',
      select: 'GetObject',
    }
    return Object.hasOwn(asked, sub) ? asked[sub] : undefined
  }
  if (sub !== '') return of(ofObjects, sub, method)
  const version = isVersion ? 'Version' : ''
  if (method === 'GET' || method === 'HEAD') return `GetObject${version}`
  if (method === 'DELETE') return `DeleteObject${version}`
  return method === 'PUT' && !isVersion ? 'PutObject' : undefined
}

function of(table: typeof subresources, sub: string, method: string): string | undefined {
  return Object.hasOwn(table, sub) ? table[sub]?.[columns[method] ?? -1] : undefined
}

/** What headers ask for beside. */
export function besides(
  { resource, headers, method }: Pick<Judged, 'resource' | 'headers' | 'method'>,
  isBucket: boolean,
): Called[] {
  if (method === 'GET' || method === 'HEAD') return []
  const has = (pattern: RegExp) => Object.keys(headers).some((name) => pattern.test(name))
  const acl = headers['x-amz-acl']
  const sharing = (acl !== undefined && acl !== 'private') || has(/^x-amz-grant-/)
  const all: (string | false)[] = [
    sharing && (isBucket ? 'PutBucketAcl' : 'PutObjectAcl'),
    has(/^x-amz-tagging$/) && 'PutObjectTagging',
    has(/^x-amz-object-lock-(?:mode|retain-until-date)$/) && 'PutObjectRetention',
    has(/^x-amz-object-lock-legal-hold$/) && 'PutObjectLegalHold',
    has(/^x-amz-bucket-object-lock-enabled$/) && 'PutBucketObjectLockConfiguration',
    has(/^x-amz-bypass-governance-retention$/) && 'BypassGovernanceRetention',
  ]
  return all.flatMap((one) => (one === false ? [] : [call(one, resource, false)]))
}

/** `x-amz-copy-source`: `/BUCKET/KEY?versionId=ID`, escaped. */
function readSource(text: string): Called | string {
  const [path = '', query = ''] = text.split('?')
  const source = decode(path)?.replace(/^\//, '')
  const [bucket = '', ...key] = source?.split('/') ?? []
  if (
    source === undefined ||
    source.startsWith('arn:') ||
    key.join('') === '' ||
    !/^[a-zA-Z0-9._-]{3,255}$/.test(bucket)
  )
    return 'its x-amz-copy-source names no object: write BUCKET/KEY'
  if (key.some((part) => part === '.' || part === '..')) return 'the source of the copy has `.` or `..`'
  if (query !== '' && !/^versionId=[^&]+$/.test(query)) return 'the source of the copy cannot be read'
  return call(query === '' ? 'GetObject' : 'GetObjectVersion', named(source), true)
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
