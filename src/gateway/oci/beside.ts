import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../../lib/index.ts'
import { MayflyError, limits } from '../../lib/index.ts'
import { discard, type Exchange, type Permit } from '../exchange.ts'
import { nextQuery } from './link.ts'
import {
  digestOf,
  manifestTypes,
  mediaTypeIn,
  readManifest,
  type Descriptor,
  type Manifest,
} from './manifest.ts'
import { pullScope } from './permission.ts'
import { followed, urlOn } from './places.ts'
import { openRegistry, type Registry } from './registry.ts'

type Access = Pick<Exchange, 'connection' | 'send' | 'sendTo' | 'notTaken' | 'read'>

/** A registry as the gateway itself asks it, for a step. */
export interface OwnRegistry {
  readonly exchange: Access
  readonly registry: Registry
}

export function openOwnRegistry(exchange: Access, clock: Clock): OwnRegistry {
  return { exchange, registry: openRegistry(exchange, { challenge: undefined, tokens: new Map() }, clock) }
}

const indexType = 'application/vnd.oci.image.index.v1+json'
const imageType = 'application/vnd.oci.image.manifest.v1+json'
/** Whoever may push to the repository may put any number beside an image. */
const [maxPages, maxBundles, maxBundleBytes, maxBytes] = [20, 200, 8_388_608, 67_108_864]
const atOnce = 4

/** Where a registry that knows no referrers lists what stands beside a manifest (distribution-spec 1.1). */
export function referrersTag(digest: string): string {
  return digest.replace(':', '-').slice(0, 135)
}

export interface Bundles {
  readonly bundles: readonly string[]
  /** There are more, which were not read. */
  readonly isCut: boolean
}

/**
 * Bundles that stand beside a manifest: what the registry lists as its referrers, or under its referrers tag. Each is held against its
 * digest; what cannot be read is passed over, since anybody who may push there can put it there.
 */
export async function bundlesBeside(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  digest: string,
): Promise<Bundles> {
  const listed = await listedBeside(own, permit, repository, digest)
  const bundles: string[] = []
  let bytes = 0
  let at = 0
  for (; at < Math.min(listed.all.length, maxBundles) && bytes < maxBytes; at += atOnce) {
    const some = listed.all.slice(at, at + atOnce)
    const read = some.map((one) => bundleIn(own, permit, repository, one.digest).catch(() => undefined))
    for (const text of await Promise.all(read)) {
      if (text === undefined) continue
      bundles.push(text)
      bytes += text.length
    }
  }
  return { bundles, isCut: listed.isCut || at < listed.all.length }
}

interface Listed {
  readonly all: readonly Descriptor[]
  readonly isCut: boolean
}

/** GitHub's registry sends whoever asks for referrers to a web page, others answer what they like: then the tag is asked. */
async function listedBeside(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  digest: string,
): Promise<Listed> {
  const all: Descriptor[] = []
  const path = `/${repository}/referrers/${digest}`
  let query: string | undefined = ''
  for (let pages = 0; query !== undefined && pages < maxPages; pages++) {
    const page: Page | undefined = await pageAt(own, permit, repository, `${path}${query}`)
    all.push(...(page?.manifests ?? []).filter(isBundle))
    query = page?.next
  }
  if (all.length > 0) return { all, isCut: query !== undefined }
  const tagged = await pageAt(own, permit, repository, `/${repository}/manifests/${referrersTag(digest)}`)
  return { all: (tagged?.manifests ?? []).filter(isBundle), isCut: query !== undefined }
}

interface Page {
  readonly manifests: readonly Descriptor[]
  readonly next: string | undefined
}

async function pageAt(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  path: string,
): Promise<Page | undefined> {
  const got = await got200(own, permit, repository, {
    path,
    accept: indexType,
    maxBytes: limits.manifestBytes,
  })
  const manifests = got && indexIn(got.bytes)
  if (manifests === undefined) return undefined
  const here = urlOn(own.exchange.connection, path)
  here.search = ''
  return { manifests, next: nextQuery(got?.headers ?? {}, here) }
}

const indexTypes = [indexType, 'application/vnd.docker.distribution.manifest.list.v2+json']

/** A manifest that is in hand: one that is pushed is not there yet. */
export interface InHand {
  readonly bytes: Buffer
  readonly type: string
}

/**
 * The manifests of an index, each of which somebody may come to run; none if it is an image itself. What stands in an index of whose
 * platform it is, and what for, whoever pushed it wrote: an attestation of buildkit is one only if it cannot be run.
 */
export async function platformsOf(
  own: OwnRegistry,
  permit: Permit,
  { repository, digest, inHand }: { repository: string; digest: string; inHand?: InHand },
): Promise<string[]> {
  const index =
    inHand === undefined
      ? await manifestAt(own, permit, repository, digest)
      : heldManifest(inHand.bytes, inHand.type, digest)
  if (index === undefined || !indexTypes.includes(index.type)) return []
  const platforms = new Set<string>()
  for (const child of index.manifests)
    if (!isNowhere(child.platform) || !(await isStatements(own, permit, repository, child.digest)))
      platforms.add(child.digest)
  return [...platforms]
}

/** `unknown/unknown`, and nothing else: so buildkit marks what no runtime chooses. */
function isNowhere(platform: unknown): boolean {
  if (typeof platform !== 'object' || platform === null) return false
  const said = Object.entries(platform)
  return (
    said.length === 2 && said.every(([name, is]) => /^(?:os|architecture)$/.test(name) && is === 'unknown')
  )
}

/** All of its layers are in-toto statements: there is nothing to run, whoever chooses it. */
async function isStatements(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  digest: string,
): Promise<boolean> {
  const manifest = await manifestAt(own, permit, repository, digest)
  if (manifest?.type !== imageType || !manifest.isImage || manifest.layers.length === 0) return false
  return manifest.layers.every(({ mediaType }) => mediaType === 'application/vnd.in-toto+json')
}

async function manifestAt(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  digest: string,
): Promise<Manifest | undefined> {
  const got = await got200(own, permit, repository, {
    path: `/${repository}/manifests/${digest}`,
    accept: manifestTypes.join(', '),
    maxBytes: limits.manifestBytes,
  })
  return got && heldManifest(got.bytes, got.headers['content-type'] ?? '', digest)
}

function heldManifest(bytes: Buffer, type: string, digest: string): Manifest | undefined {
  if (digestOf(bytes, digest) !== digest) return undefined
  const manifest = readManifest(bytes, mediaTypeIn(type) ?? '')
  return typeof manifest === 'string' ? undefined : manifest
}

/** Clients before the specification was done left `artifactType` out of the list: then the manifest says it. */
function isBundle({ artifactType }: Descriptor): boolean {
  return artifactType === undefined || isBundleType(artifactType)
}

function isBundleType(type: unknown): boolean {
  return typeof type === 'string' && type.startsWith('application/vnd.dev.sigstore.bundle')
}

/** What an index lists; undefined if it is none. */
export function indexIn(bytes: Buffer): readonly Descriptor[] | undefined {
  const index = readManifest(bytes, indexType)
  return typeof index === 'string' ? undefined : index.manifests
}

async function bundleIn(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  digest: string,
): Promise<string | undefined> {
  const manifest = await manifestAt(own, permit, repository, digest)
  const [layer, ...more] = manifest?.layers ?? []
  if (layer === undefined || more.length > 0 || !isBundleType(layer.mediaType)) return undefined
  const blob = await got200(own, permit, repository, {
    ...{ path: `/${repository}/blobs/${layer.digest}`, accept: '*/*', maxBytes: maxBundleBytes },
  })
  if (blob === undefined || digestOf(blob.bytes, layer.digest) !== layer.digest) return undefined
  return blob.bytes.toString('utf8')
}

interface Got {
  readonly bytes: Buffer
  readonly headers: IncomingHttpHeaders
}

/** Undefined for all that is no 200, and for what the registry sends us elsewhere for. Throws `upstream_unreachable`. */
async function got200(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  { path, accept, maxBytes: most }: { path: string; accept: string; maxBytes: number },
): Promise<Got | undefined> {
  try {
    const answer = await followed(own, permit, [pullScope(repository)], { method: 'GET', path, accept })
    if (answer.statusCode !== 200) {
      discard(answer)
      return undefined
    }
    const bytes = await own.exchange.read(answer, most)
    return bytes && { bytes, headers: answer.headers }
  } catch (error) {
    if (error instanceof MayflyError && error.code === 'denied') return undefined
    throw error
  }
}
