import type { IncomingMessage } from 'node:http'
import { MayflyError, limits } from '../../lib/index.ts'
import { isDigest } from '../../kinds/index.ts'
import { byteRange } from '../byte-range.ts'
import { discard, keepOnly, pickHeaders, type Permission, type Permit } from '../exchange.ts'
import { answer, answerError, passFailure, refuse } from './answer.ts'
import type { Job } from './job.ts'
import { linkOf } from './link.ts'
import {
  digestOf,
  integrityOf,
  manifestTypes,
  mediaTypeIn,
  queryText,
  readManifest,
  toldDigest,
} from '../../images/index.ts'
import { mayPull, permitLook, permitPull, pullScope } from './permission.ts'
import { followed, urlOn } from './places.ts'
import type { Blob, Manifest, Referrers } from './route.ts'

/**
 * A manifest, by tag or digest, whole before any of it goes on: it is hashed here, whatever the registry says its digest is. What
 * a tag names is recorded; what the manifest consists of may be pulled from then on.
 */
export async function pullManifest(job: Job, route: Manifest): Promise<void> {
  const { exchange } = job
  const { repository, ref } = route
  const isHead = exchange.request.method === 'HEAD'
  const permit = isHead
    ? await permitLook(job, route)
    : await permitPull(job, repository, ref, { manifest: ref })
  if (!permit.allow) return answerError(exchange, 403, 'DENIED', permit.message)
  const found = await fetchManifest(job, permit, repository, ref)
  if ('failure' in found) return passFailure(exchange, found.failure)
  const { bytes, digest } = found
  const manifest = readManifest(bytes, found.type)
  if (typeof manifest === 'string') return refuse(exchange, `${nameOf(repository, ref)}: ${manifest}`)
  // docker asks for the head of a tag, and then for its digest; who only may push there learns the digest, and no more.
  if (mayPull(job, repository, ref, isHead ? { granted: true } : undefined)) {
    const recorded = await reach(job, route, found, isHead ? [] : manifest.children)
    if (!recorded.allow) return answerError(exchange, 403, 'DENIED', recorded.message)
  }
  if (!isHead) {
    const purl = purlOf(job, repository, digest)
    const sha256 = digestOf(bytes).slice('sha256:'.length)
    const file = { purl, integrity: integrityOf(digest), by: 'digest', bytes: bytes.length, sha256 } as const
    await exchange.gives([{ type: 'packages.downloaded', item: file }])
  }
  const headers = { 'content-type': manifest.type, 'docker-content-digest': digest }
  if (isHead) return answerHead(job, { ...headers, 'content-length': String(bytes.length) })
  answer(exchange, 200, headers, bytes)
}

/** From now on the step may pull the manifest and its parts by digest. What a tag named is in the log before it is told. */
async function reach(
  job: Job,
  { repository, ref }: Manifest,
  { digest, bytes }: { digest: string; bytes: Buffer },
  children: readonly string[],
): Promise<Permission> {
  const { reached } = job.memory
  reached.add(repository, [digest, ...children])
  return isDigest(ref)
    ? { allow: true, authorization: undefined }
    : permitPull(job, repository, digest, { tag: ref, digest, size: bytes.length })
}

/** A manifest as the registry has it; a digest that differs, from what was asked or from what the registry says, throws `denied`. */
export async function fetchManifest(
  job: Job,
  permit: Permit,
  repository: string,
  ref: string,
  options: { scope?: string; accept?: string } = {},
): Promise<{ bytes: Buffer; type: string; digest: string } | { failure: IncomingMessage }> {
  const { accept: wanted = manifestTypes.join(', ') } = pickHeaders(job.exchange.request, ['accept'])
  const upstream = await followed(job, permit, [options.scope ?? pullScope(repository)], {
    method: 'GET',
    path: `/${repository}/manifests/${ref}`,
    accept: options.accept ?? wanted,
  })
  if (upstream.statusCode !== 200) return { failure: upstream }
  const bytes = await job.exchange.read(upstream, limits.manifestBytes)
  const name = nameOf(repository, ref)
  if (bytes === undefined)
    throw new MayflyError('denied', `${name}: its manifest is longer than ${limits.manifestBytes} bytes`)
  checkClaim(name, upstream, (like) => digestOf(bytes, like))
  const digest = digestOf(bytes, ref)
  if (isDigest(ref) && digest !== ref)
    throw new MayflyError('denied', `${name} is not what its digest names: the registry sent ${digest}`)
  return { bytes, digest, type: typeOf(upstream) }
}

/** A blob: straight from the registry, or from a storage host that it sends us on to. Its last bytes go when its digest holds. */
export async function pullBlob(job: Job, route: Blob): Promise<void> {
  const { exchange } = job
  const { repository, digest } = route
  const isHead = exchange.request.method === 'HEAD'
  const permit = isHead
    ? await permitLook(job, route)
    : await permitPull(job, repository, digest, { blob: digest })
  if (!permit.allow) return answerError(exchange, 403, 'DENIED', permit.message)
  const name = nameOf(repository, digest)
  const download = { what: name, integrity: integrityOf(digest), by: 'digest' } as const
  // A part of it the registry is asked for, which says how long the whole is.
  const head = { 'docker-content-digest': digest, 'accept-ranges': 'bytes' }
  const isWhole = !isHead && exchange.request.headers.range === undefined
  if (isWhole && (await exchange.deliverKept(permit, download, head))) return
  const upstream = await followed(job, permit, [pullScope(repository)], {
    method: isHead ? 'HEAD' : 'GET',
    path: `/${repository}/blobs/${digest}`,
    accept: '*/*',
  })
  if (upstream.statusCode !== 200) return passFailure(exchange, upstream)
  const length = upstream.headers['content-length']
  if (isHead) {
    discard(upstream)
    return answerHead(job, {
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      ...(length === undefined ? {} : { 'content-length': length }),
    })
  }
  try {
    checkClaim(name, upstream, () => digest)
  } catch (error) {
    upstream.destroy()
    throw error
  }
  keepOnly(upstream, ['content-length', 'content-encoding'])
  const { range: wanted, 'if-range': condition } = exchange.request.headers
  const range = condition === undefined ? byteRange(wanted, Number(length ?? 0)) : undefined
  exchange.response.setHeader('content-type', 'application/octet-stream')
  exchange.response.setHeader('docker-content-digest', digest)
  if (length !== undefined) exchange.response.setHeader('accept-ranges', 'bytes')
  await exchange.deliver(upstream, { ...download, ...(range === undefined ? {} : { range }) })
}

/** What is attached to a manifest (signatures, SBOMs): the registry's word, but each of it is pulled by digest. */
export async function pullReferrers(job: Job, { repository, digest, query }: Referrers): Promise<void> {
  const { exchange, memory } = job
  const permit = await permitPull(job, repository, digest, { referrers: digest })
  if (!permit.allow) return answerError(exchange, 403, 'DENIED', permit.message)
  const upstream = await followed(job, permit, [pullScope(repository)], {
    method: 'GET',
    path: `/${repository}/referrers/${digest}${queryText(query)}`,
    accept: 'application/vnd.oci.image.index.v1+json',
  })
  if (upstream.statusCode !== 200) return passFailure(exchange, upstream)
  const type = typeOf(upstream)
  const bytes = await exchange.read(upstream, limits.manifestBytes)
  const index = bytes === undefined ? 'it is too long' : readManifest(bytes, type)
  if (typeof index === 'string')
    return refuse(exchange, `referrers of ${nameOf(repository, digest)}: ${index}`)
  memory.reached.add(repository, index.children)
  const filters = upstream.headers['oci-filters-applied']
  const headers = {
    'content-type': index.type,
    link: linkOf(job, upstream),
    'oci-filters-applied': filters === 'artifactType' ? filters : undefined,
  }
  answer(exchange, 200, headers, bytes)
}

/** No more of the header than the type: it goes to the step. */
function typeOf({ headers: { 'content-type': type = '' } }: IncomingMessage): string {
  return mediaTypeIn(type) ?? type
}

/** What the registry says that the digest is must be so: else it means another file than it sends, and clients believe it. */
function checkClaim(name: string, upstream: IncomingMessage, actual: (like: string) => string): void {
  const said = upstream.headers['docker-content-digest']
  if (typeof said !== 'string') return
  const digest = actual(said)
  // By another algorithm than the one that was asked for: it says nothing of it.
  if (said !== digest && said.split(':')[0] === digest.split(':')[0])
    throw new MayflyError(
      'denied',
      `${name}: the registry says that its digest is ${toldDigest(said)}, and it is ${digest}`,
    )
}

function answerHead({ exchange }: Job, headers: Readonly<Record<string, string>>): void {
  exchange.response.writeHead(200, headers)
  exchange.response.end()
}

export function nameOf(repository: string, ref: string): string {
  return `${repository}${isDigest(ref) ? '@' : ':'}${ref}`
}

/** purl-spec, type `oci`. */
export function purlOf({ exchange }: Job, repository: string, digest: string): string {
  const name = repository.slice(repository.lastIndexOf('/') + 1)
  const place = encodeURIComponent(`${urlOn(exchange.connection, '').host}/${repository}`)
  return `pkg:oci/${name}@${encodeURIComponent(digest)}?repository_url=${place}`
}
