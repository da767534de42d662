import { limits, MayflyError } from '../lib/index.ts'
import { digestOf, indexIn, indexType, type Descriptor } from './manifest.ts'
import { manifestAt, referrersTag, type ReadPart } from './part.ts'

/** Whoever may push to the repository may put any number beside an image. */
const [maxPages, maxBundles, maxBytes] = [20, 200, 67_108_864]
/** A statement of 16 MiB, which is the most that is verified, is longer as a bundle. Few are: those are read one by one. */
const [usualBytes, maxBundleBytes] = [8_388_608, 25_165_824]
const atOnce = 4

export interface Bundles {
  readonly bundles: readonly string[]
  /** There are more, which were not read. */
  readonly isCut: boolean
  /** What the registry threw when it was asked for some of them: without those nobody can say that there is none. */
  readonly unread?: unknown
}

/**
 * Bundles that stand beside a manifest: what the registry lists as its referrers, and under its referrers tag. Each is held against its
 * digest; what cannot be read is passed over, since anybody who may push there can put it there. Throws what `read` throws of the lists,
 * if they say nothing.
 */
export async function bundlesBeside(read: ReadPart, digest: string): Promise<Bundles> {
  const listed = await listedBeside(read, digest)
  const meant = listed.all.slice(0, maxBundles)
  const bundles: string[] = []
  const large: Descriptor[] = []
  let [bytes, at, isCut, unread] = [0, 0, listed.isCut || listed.all.length > maxBundles, listed.failure]

  async function take(some: readonly Descriptor[], most: number) {
    const all = await Promise.all(some.map((one) => taken(read, one.digest, most)))
    for (const [i, one] of all.entries()) {
      if (typeof one === 'string') {
        bundles.push(one)
        bytes += one.length
      } else if (one === tooLong) large.push(...some.slice(i, i + 1))
      else if (one !== undefined) unread ??= one.failure
    }
  }

  for (; at < meant.length && bytes < maxBytes; at += atOnce)
    await take(meant.slice(at, at + atOnce), usualBytes)
  isCut ||= at < meant.length
  for (const one of large.splice(0)) {
    if (bytes >= maxBytes) isCut = true
    else await take([one], maxBundleBytes)
  }
  // Of those that were read last, too.
  isCut ||= large.length > 0 || unread !== undefined
  return { bundles, isCut, ...(unread === undefined ? {} : { unread }) }
}

const tooLong = Symbol('too long')

async function taken(read: ReadPart, digest: string, most: number) {
  try {
    return await bundleIn(read, digest, most)
  } catch (failure) {
    const isLong = failure instanceof MayflyError && failure.code === 'limit_exceeded'
    return isLong ? tooLong : { failure }
  }
}

interface Listed {
  readonly all: readonly Descriptor[]
  readonly isCut: boolean
  readonly failure: unknown
}

/**
 * GitHub's registry sends whoever asks for referrers to a web page, others answer what they like. The tag is read always: a registry that
 * learned of referrers later does not list what stood under the tag before, and clients that do not ask it write there still.
 */
async function listedBeside(read: ReadPart, digest: string): Promise<Listed> {
  const all = new Map<string, Descriptor>()
  let [failure, isCut]: [unknown, boolean] = [undefined, false]
  try {
    isCut = await readPages(read, `referrers/${digest}`, all)
  } catch (error) {
    ;[failure, isCut] = [error, true]
  }
  try {
    const tagged = await read(`manifests/${referrersTag(digest)}`, indexType, limits.manifestBytes)
    addTo(all, (tagged && indexIn(tagged.bytes)) ?? [])
  } catch (error) {
    if (all.size === 0) throw error
    ;[failure, isCut] = [failure ?? error, true]
  }
  if (all.size === 0 && failure !== undefined) throw failure
  return { all: inOrder(all), isCut, failure }
}

/** Whether there are more pages: a list that breaks off after a few is one that was cut. */
async function readPages(read: ReadPart, path: string, all: Map<string, Descriptor>): Promise<boolean> {
  let query: string | undefined = ''
  for (let pages = 0; query !== undefined && pages < maxPages; pages++) {
    const page = await read(`${path}${query}`, indexType, limits.manifestBytes)
    const manifests = page && indexIn(page.bytes)
    // A page that is none, behind others that are: something is missing.
    if (page === undefined || manifests === undefined) return pages > 0
    addTo(all, manifests)
    query = page.next
  }
  return query !== undefined
}

function addTo(all: Map<string, Descriptor>, listed: readonly Descriptor[]): void {
  for (const one of listed)
    if (isBundleType(one.artifactType) || (mayBeBundle(one) && !all.has(one.digest))) all.set(one.digest, one)
}

/** What is said to be a bundle first: anything may be of no type. */
function inOrder(all: ReadonlyMap<string, Descriptor>): Descriptor[] {
  const each = [...all.values()]
  return [true, false].flatMap((isSaid) =>
    each.filter(({ artifactType }) => isBundleType(artifactType) === isSaid),
  )
}

/**
 * Types that say nothing of what it is: then the manifest says it. Clients before the specification was done left the type out of the
 * list; go-containerregistry before 0.21.7 (cosign 3.0) writes that of the manifest's configuration there.
 */
const saysNothing: ReadonlySet<unknown> = new Set([
  ...[undefined, null, ''],
  ...['application/vnd.oci.empty.v1+json', 'application/vnd.oci.image.config.v1+json'],
  ...['application/vnd.docker.container.image.v1+json', 'application/vnd.unknown.config.v1+json'],
  ...['application/vnd.unknown.artifact.v1', 'application/json', 'application/octet-stream'],
])

function mayBeBundle({ artifactType }: Descriptor): boolean {
  return saysNothing.has(typeof artifactType === 'string' ? artifactType.toLowerCase() : artifactType)
}

function isBundleType(type: unknown): boolean {
  return typeof type === 'string' && type.startsWith('application/vnd.dev.sigstore.bundle')
}

async function bundleIn(read: ReadPart, digest: string, most: number): Promise<string | undefined> {
  const manifest = await manifestAt(read, digest)
  const [layer, ...more] = manifest?.layers ?? []
  if (layer === undefined || more.length > 0 || !isBundleType(layer.mediaType)) return undefined
  const blob = await read(`blobs/${layer.digest}`, '*/*', most)
  if (blob === undefined || digestOf(blob.bytes, layer.digest) !== layer.digest) return undefined
  return blob.bytes.toString('utf8')
}
