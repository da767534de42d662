import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { MayflyError, limits } from '../../lib/index.ts'
import { discard, type Permit } from '../exchange.ts'
import type { Turns } from '../turns.ts'
import type { OwnRegistry } from './beside.ts'
import {
  digestOf,
  indexIn,
  indexType,
  manifestTypes,
  mediaTypeIn,
  referrersTag,
  type Descriptor,
} from '../../images/index.ts'
import { pushScope } from './permission.ts'
import { followed, nextPlace, urlOn } from './places.ts'

/** A bundle that is to stand beside an image. */
export interface Attached {
  /** Its JSON. */
  readonly bundle: string
  readonly predicateType: string
  readonly signedMs: number
}

const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const emptyConfig = { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') }

/**
 * Puts a bundle beside a manifest, as cosign 3 does: a manifest of its own whose subject is the other. A registry that takes no note of
 * subjects gets it listed under the referrers tag (distribution-spec 1.1, "Pushing Manifests with Subject"). Returns its digest; the same
 * again is no other. Throws `denied` and `upstream_unreachable`.
 */
export async function attach(
  own: OwnRegistry,
  permit: Permit,
  at: { readonly repository: string; readonly digest: string },
  attached: Attached,
  turns: Turns,
): Promise<string> {
  const { repository } = at
  const subject = await subjectOf(own, permit, at)
  const layer = Buffer.from(attached.bundle)
  for (const blob of [emptyConfig.bytes, layer]) await putBlob(own, permit, repository, blob)
  const manifest = Buffer.from(JSON.stringify(manifestOf(subject, layer, attached)))
  const digest = digestOf(manifest)
  const answer = await put(own, permit, repository, digest, manifestType, manifest)
  // With it the registry says that it lists the manifest itself.
  if (answer.headers['oci-subject'] !== at.digest) {
    const listed = { ...descriptorOf(manifestType, manifest), ...describedAs(attached) }
    await turns(own.exchange.connection, `${repository}:${referrersTag(at.digest)}`, async () => {
      await list(own, permit, at, listed)
      return true
    })
  }
  return digest
}

function manifestOf(subject: object, layer: Buffer, attached: Attached) {
  return {
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: bundleType,
    config: descriptorOf(emptyConfig.mediaType, emptyConfig.bytes),
    layers: [descriptorOf(bundleType, layer)],
    subject,
    annotations: describedAs(attached).annotations,
  }
}

/** As cosign describes what it attaches, so that it and others find it. */
function describedAs({ predicateType, signedMs }: Attached) {
  return {
    artifactType: bundleType,
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': predicateType,
      'org.opencontainers.image.created': new Date(signedMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    },
  }
}

function descriptorOf(mediaType: string, bytes: Buffer) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

async function subjectOf(
  own: OwnRegistry,
  permit: Permit,
  { repository, digest }: { readonly repository: string; readonly digest: string },
) {
  const answer = await followed(own, permit, [pushScope(repository)], {
    ...{ method: 'GET', path: `/${repository}/manifests/${digest}`, accept: manifestTypes.join(', ') },
  })
  await mustBe(answer, [200], 'the image')
  const bytes = await own.exchange.read(answer, limits.manifestBytes)
  if (bytes === undefined || digestOf(bytes, digest) !== digest)
    throw new MayflyError('denied', 'the registry does not have the image that its digest names')
  const mediaType = mediaTypeIn(answer.headers['content-type'] ?? '') ?? manifestType
  return { mediaType, digest, size: bytes.length }
}

async function putBlob(
  { registry, exchange }: OwnRegistry,
  permit: Permit,
  repository: string,
  bytes: Buffer,
): Promise<void> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const scopes = [pushScope(repository)]
  const there = await registry.ask(permit, scopes, {
    ...{ method: 'HEAD', target: `/${repository}/blobs/${digest}`, headers: {} },
  })
  discard(there)
  if (there.statusCode === 200) return
  const begin = `/${repository}/blobs/uploads/`
  const begun = await registry.ask(permit, scopes, {
    ...{ method: 'POST', target: begin, headers: { 'content-length': '0' } },
  })
  await mustBe(begun, [202], 'an upload')
  discard(begun)
  const place = nextPlace(begun, urlOn(exchange.connection, begin))
  place.searchParams.set('digest', digest)
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(bytes.length) }
  const done = await registry.ask(permit, scopes, { method: 'PUT', target: place, headers, body: bytes })
  await mustBe(done, [201], 'an upload')
  discard(done)
}

async function put(
  { registry }: OwnRegistry,
  permit: Permit,
  repository: string,
  ref: string,
  type: string,
  bytes: Buffer,
  ifMatch?: string,
): Promise<IncomingMessage> {
  const answer = await registry.ask(permit, [pushScope(repository)], {
    method: 'PUT',
    target: `/${repository}/manifests/${ref}`,
    headers: {
      ...{ 'content-type': type, 'content-length': String(bytes.length) },
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    },
    body: bytes,
  })
  // Another wrote there first, where it depends on that.
  await mustBe(answer, ifMatch === undefined ? [201] : [201, 412], 'a manifest')
  discard(answer)
  return answer
}

const maxWrites = 5

/**
 * Under the tag stands what was there before, and this. Few registries write only if nobody else has meanwhile, so it is read again: what
 * another client wrote over is written once more.
 */
async function list(
  own: OwnRegistry,
  permit: Permit,
  { repository, digest }: { readonly repository: string; readonly digest: string },
  listed: Descriptor,
): Promise<void> {
  const tag = referrersTag(digest)
  const wanted = new Map([[listed.digest, listed]])
  for (let writes = 0; ; writes++) {
    const { others, etag } = await listedUnder(own, permit, repository, tag)
    for (const one of others) wanted.set(one.digest, one)
    if (others.length === wanted.size) return
    if (writes === maxWrites)
      throw new MayflyError(
        'denied',
        `others write tag ${tag} all the time: the attestation is not listed there`,
      )
    const index = { schemaVersion: 2, mediaType: indexType, manifests: [...wanted.values()] }
    await put(own, permit, repository, tag, indexType, Buffer.from(JSON.stringify(index)), etag)
  }
}

/** What is no index under the tag is somebody's own, and stays. */
async function listedUnder(own: OwnRegistry, permit: Permit, repository: string, tag: string) {
  const answer = await followed(own, permit, [pushScope(repository)], {
    ...{ method: 'GET', path: `/${repository}/manifests/${tag}`, accept: indexType },
  })
  await mustBe(answer, [200, 404], 'the referrers tag')
  if (answer.statusCode === 404) {
    discard(answer)
    return { others: [], etag: undefined }
  }
  const { etag, 'content-type': type = '' } = answer.headers
  const bytes = await own.exchange.read(answer, limits.manifestBytes)
  const index = bytes && indexIn(bytes)
  if (index === undefined || mediaTypeIn(type) !== indexType)
    throw new MayflyError('denied', `tag ${tag} is no index of what stands beside the image`)
  const others = [...new Map(index.map((one) => [one.digest, one])).values()]
  return { others, etag: etag?.startsWith('"') === true ? etag : undefined }
}

/** An answer may say anything: of it the status is told alone. */
async function mustBe(answer: IncomingMessage, wanted: readonly number[], what: string): Promise<void> {
  const { statusCode = 0 } = answer
  if (wanted.includes(statusCode)) return
  discard(answer)
  throw new MayflyError('denied', `the registry answered ${statusCode} to ${what}`)
}
