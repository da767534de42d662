import { createHash } from 'node:crypto'
import { isDigest } from '../kinds/index.ts'
import { ambiguousName, readPlainJson, type Names } from '../lib/index.ts'

/** What a manifest or an index says that decides what may be done with it. */
export interface Manifest {
  /** Its media type: the header's, or its own where that says nothing. */
  readonly type: string
  /** Of what it consists: layers, configuration, manifests of an index. */
  readonly children: readonly string[]
  /** The same without the configuration. */
  readonly listed: readonly string[]
  /** The manifest that it is about (signatures, SBOMs). */
  readonly subject: string | undefined
  /** Of an index. */
  readonly manifests: readonly Descriptor[]
  readonly layers: readonly Descriptor[]
  /** It has a configuration. */
  readonly isImage: boolean
}

/** Of all but the digest whoever wrote it may have written anything. */
export interface Descriptor {
  readonly digest: string
  readonly mediaType?: unknown
  readonly artifactType?: unknown
  readonly platform?: unknown
}

const maxDepth = 64
const maxListed = 10_000

/** All names of OCI image-spec 1.1 and of Docker's manifests. */
const names: Names = {
  known: [
    ...['schemaVersion', 'mediaType', 'artifactType', 'config', 'layers', 'manifests', 'blobs', 'subject'],
    ...['annotations', 'digest', 'size', 'urls', 'data', 'platform', 'architecture', 'os', 'os.version'],
    ...['os.features', 'variant', 'features', 'name', 'tag', 'fsLayers', 'blobSum', 'history', 'signatures'],
  ],
  tables: ['annotations'],
}

/**
 * Reads the JSON of a manifest (OCI image-spec 1.1; Docker's schema 2), or says why it is none. One that could be taken for an
 * image and for an index alike, whose own media type is not the header's, or in which another reader finds other parts, means different
 * things to different tools. A header that only says that it is JSON, or bytes, says nothing else than the manifest.
 */
export function readManifest(bytes: Buffer, contentType: string): Manifest | string {
  if (isDeep(bytes)) return `the manifest is nested more than ${maxDepth} deep`
  const json = readPlainJson(bytes)
  if (typeof json === 'string') return json.replace('its body', 'the manifest')
  const ambiguous = ambiguousName(json, names)
  if (ambiguous !== undefined) return `the manifest means different things to different tools: ${ambiguous}`
  const { mediaType, config, subject } = json
  const type = typeOf(contentType, mediaType)
  if (type === undefined) return 'its media type is none that a manifest has'
  if (typeof mediaType === 'string' && mediaType.toLowerCase() !== type)
    return `the manifest says that it is ${mediaTypeIn(mediaType) ?? 'something else'}, its header ${type}`
  const parts = partsIn(json)
  if (typeof parts === 'string') return parts
  const [manifests, layers] = parts
  const listed = parts.flat().map(({ digest }) => digest)
  const ofConfig = digestIn(config)
  const children = ofConfig === undefined ? listed : [ofConfig, ...listed]
  const about = digestIn(subject)
  if (subject !== undefined && subject !== null && about === undefined)
    return 'the manifest has a subject without a digest'
  return { type, children, listed, subject: about, manifests, layers, isImage: ofConfig !== undefined }
}

type Parts = readonly [
  manifests: readonly Descriptor[],
  layers: readonly Descriptor[],
  blobs: readonly Descriptor[],
]

/** Of a part whose digest is none that we know another reader may know what it is. */
function partsIn(json: Readonly<Record<string, unknown>>): Parts | string {
  const { layers, manifests, blobs, config } = json
  if (manifests !== undefined && (layers !== undefined || config !== undefined))
    return 'the manifest has both layers and manifests'
  const lists = [manifests, layers, blobs].map((list) => list ?? [])
  if (!lists.every((list) => Array.isArray(list))) return 'what the manifest lists is no list'
  if (lists.reduce((sum, list) => sum + list.length, 0) > maxListed)
    return `the manifest lists more than ${maxListed} parts`
  if (!lists.every((list): list is Descriptor[] => list.every((one) => digestIn(one) !== undefined)))
    return 'the manifest lists a part without a digest by SHA-256 or SHA-512'
  const [ofIndex = [], ofImage = [], others = []] = lists
  return [ofIndex, ofImage, others]
}

export const indexType = 'application/vnd.oci.image.index.v1+json'
export const indexTypes: readonly string[] = [
  indexType,
  'application/vnd.docker.distribution.manifest.list.v2+json',
]

/** For a client that names none, such as curl: else a registry makes an older form of it. */
export const manifestTypes: readonly string[] = [
  ...indexTypes,
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]

/** What an index lists; undefined if it is none. */
export function indexIn(bytes: Buffer): readonly Descriptor[] | undefined {
  const index = readManifest(bytes, indexType)
  return typeof index === 'string' ? undefined : index.manifests
}

function typeOf(contentType: string, own: unknown): string | undefined {
  const said = mediaTypeIn(contentType)
  const saysNothing =
    /^(?:text\/plain)?\s*(?:;|$)/i.test(contentType) ||
    said === 'application/json' ||
    said === 'application/octet-stream'
  const named = typeof own === 'string' ? own.toLowerCase() : ''
  return saysNothing && manifestTypes.includes(named) ? named : said
}

/** The media type of a `Content-Type`, in lower case; undefined for one that no manifest has. */
export function mediaTypeIn(contentType: string): string | undefined {
  return /^application\/[a-z0-9.+-]{1,127}(?=\s*(?:;|$))/i.exec(contentType)?.[0].toLowerCase()
}

/** `sha256:...` of the bytes, or by the algorithm of another digest. */
export function digestOf(bytes: Buffer, like = 'sha256:'): string {
  const algorithm = like.startsWith('sha512:') ? 'sha512' : 'sha256'
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

/** A registry's word for a digest, as it may be told: a server that is asked with a credential may say anything. */
export function toldDigest(said: unknown): string {
  return typeof said === 'string' && isDigest(said) ? said : 'something else'
}

/** As Subresource Integrity text. */
export function integrityOf(digest: string): string {
  const at = digest.indexOf(':')
  return `${digest.slice(0, at)}-${Buffer.from(digest.slice(at + 1), 'hex').toString('base64')}`
}

/** The digest that a tag of this form stands beside: the referrers tag of the specification, and those of cosign. */
export function besideDigest(tag: string): string | undefined {
  const hex = /^sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/.exec(tag)?.[1]
  return hex === undefined ? undefined : `sha256:${hex}`
}

function digestIn(descriptor: unknown): string | undefined {
  if (typeof descriptor !== 'object' || descriptor === null) return undefined
  const { digest } = descriptor as { digest?: unknown }
  return typeof digest === 'string' && isDigest(digest) ? digest : undefined
}

const quote = 0x22
const backslash = 0x5c

/** Four megabytes of brackets are millions of objects once they are parsed. */
function isDeep(bytes: Buffer): boolean {
  let depth = 0
  let inText = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (inText) {
      if (byte === backslash) i++
      else if (byte === quote) inText = false
    } else if (byte === quote) inText = true
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > maxDepth) return true
    } else if (byte === 0x5d || byte === 0x7d) depth--
  }
  return false
}
