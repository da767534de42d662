import type { Clock } from '../../lib/index.ts'
import { limits } from '../../lib/index.ts'
import { isDigest } from '../../kinds/index.ts'
import { discard, type Exchange, type Permit } from '../exchange.ts'
import { digestOf, manifestTypes, readManifest } from './manifest.ts'
import { pullScope } from './permission.ts'
import { followed } from './places.ts'
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
/** Whoever may push to the repository may put any number beside an image. */
const maxBundles = 50
const maxBundleBytes = 8_388_608

/** Where a registry that knows no referrers lists what stands beside a manifest (distribution-spec 1.1). */
export function referrersTag(digest: string): string {
  return digest.replace(':', '-').slice(0, 135)
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
): Promise<string[]> {
  const listed =
    (await descriptorsAt(own, permit, repository, `/${repository}/referrers/${digest}`)) ??
    (await descriptorsAt(own, permit, repository, `/${repository}/manifests/${referrersTag(digest)}`)) ??
    []
  const bundles: string[] = []
  for (const one of listed.filter(isBundle).slice(0, maxBundles)) {
    const text = await bundleIn(own, permit, repository, one.digest).catch(() => undefined)
    if (text !== undefined) bundles.push(text)
  }
  return bundles
}

/** The manifests of an index for each platform; none if it is an image itself. Attestations of buildkit in it are nobody's image. */
export async function platformsOf(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  digest: string,
): Promise<string[]> {
  const bytes = await fetched(
    own,
    permit,
    repository,
    `manifests/${digest}`,
    manifestTypes.join(', '),
    limits.manifestBytes,
  )
  if (bytes === undefined || digestOf(bytes, digest) !== digest) return []
  return descriptorsIn(bytes).flatMap(({ digest: child, annotations }) =>
    annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' ? [] : [child],
  )
}

interface Descriptor {
  readonly digest: string
  readonly mediaType?: string
  readonly artifactType?: string
  readonly size?: number
  readonly annotations?: Readonly<Record<string, unknown>>
}

/** Clients before the specification was done left `artifactType` out of the list: then the manifest says it. */
function isBundle({ artifactType }: Descriptor): boolean {
  return artifactType === undefined || artifactType.startsWith('application/vnd.dev.sigstore.bundle')
}

async function descriptorsAt(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  path: string,
): Promise<Descriptor[] | undefined> {
  const answer = await followed(own, permit, [pullScope(repository)], {
    method: 'GET',
    path,
    accept: indexType,
  })
  if (answer.statusCode !== 200) {
    discard(answer)
    return undefined
  }
  const bytes = await own.exchange.read(answer, limits.manifestBytes)
  return bytes === undefined ? undefined : descriptorsIn(bytes)
}

export function descriptorsIn(bytes: Buffer): Descriptor[] {
  const manifest = readManifest(bytes, indexType)
  if (typeof manifest === 'string') return []
  const { manifests } = JSON.parse(bytes.toString('utf8')) as { manifests?: unknown }
  return (Array.isArray(manifests) ? manifests : []).filter(isDescriptor)
}

function isDescriptor(value: unknown): value is Descriptor {
  if (typeof value !== 'object' || value === null) return false
  const { digest } = value as Record<string, unknown>
  return typeof digest === 'string' && isDigest(digest)
}

async function bundleIn(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  digest: string,
): Promise<string | undefined> {
  const accept = 'application/vnd.oci.image.manifest.v1+json'
  const bytes = await fetched(own, permit, repository, `manifests/${digest}`, accept, limits.manifestBytes)
  if (bytes === undefined || digestOf(bytes, digest) !== digest) return undefined
  if (typeof readManifest(bytes, accept) === 'string') return undefined
  const { layers } = JSON.parse(bytes.toString('utf8')) as { layers?: unknown }
  const [layer, ...more] = Array.isArray(layers) ? layers.filter(isDescriptor) : []
  const isOne =
    layer?.mediaType?.startsWith('application/vnd.dev.sigstore.bundle') === true && more.length === 0
  if (!isOne) return undefined
  const blob = await fetched(own, permit, repository, `blobs/${layer.digest}`, '*/*', maxBundleBytes)
  return blob === undefined || digestOf(blob, layer.digest) !== layer.digest
    ? undefined
    : blob.toString('utf8')
}

async function fetched(
  own: OwnRegistry,
  permit: Permit,
  repository: string,
  path: string,
  accept: string,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const answer = await followed(own, permit, [pullScope(repository)], {
    ...{ method: 'GET', path: `/${repository}/${path}`, accept },
  })
  if (answer.statusCode === 200) return own.exchange.read(answer, maxBytes)
  discard(answer)
  return undefined
}
