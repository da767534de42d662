import { limits } from '../lib/index.ts'
import { digestOf, indexIn, indexType, type Descriptor } from './manifest.ts'
import { manifestAt, referrersTag, type ReadPart } from './part.ts'

/** Whoever may push to the repository may put any number beside an image. */
const [maxPages, maxBundles, maxBundleBytes, maxBytes] = [20, 200, 8_388_608, 67_108_864]
const atOnce = 4

export interface Bundles {
  readonly bundles: readonly string[]
  /** There are more, which were not read. */
  readonly isCut: boolean
}

/**
 * Bundles that stand beside a manifest: what the registry lists as its referrers, or under its referrers tag. Each is held against its
 * digest; what cannot be read is passed over, since anybody who may push there can put it there. Throws what `read` throws of the lists.
 */
export async function bundlesBeside(read: ReadPart, digest: string): Promise<Bundles> {
  const listed = await listedBeside(read, digest)
  const bundles: string[] = []
  let [bytes, at, isLost] = [0, 0, false]
  for (; at < Math.min(listed.all.length, maxBundles) && bytes < maxBytes; at += atOnce) {
    const some = listed.all.slice(at, Math.min(at + atOnce, maxBundles))
    const texts = await Promise.all(some.map((one) => bundleIn(read, one.digest).catch(() => lost)))
    for (const text of texts) {
      if (text === lost) isLost = true
      if (typeof text !== 'string') continue
      bundles.push(text)
      bytes += text.length
    }
  }
  return { bundles, isCut: listed.isCut || isLost || at < listed.all.length }
}

const lost = Symbol('not read')

interface Listed {
  readonly all: readonly Descriptor[]
  readonly isCut: boolean
}

/**
 * GitHub's registry sends whoever asks for referrers to a web page, others answer what they like: then the tag is asked. A list that
 * breaks off after a few pages is one that was cut.
 */
async function listedBeside(read: ReadPart, digest: string): Promise<Listed> {
  const all: Descriptor[] = []
  let [failure, isCut]: [unknown, boolean] = [undefined, false]
  try {
    isCut = await readPages(read, `referrers/${digest}`, all)
  } catch (error) {
    ;[failure, isCut] = [error, true]
  }
  if (all.length > 0) return { all, isCut }
  const tagged = await read(`manifests/${referrersTag(digest)}`, indexType, limits.manifestBytes)
  const ofTag = (tagged && indexIn(tagged.bytes))?.filter(isBundle) ?? []
  if (ofTag.length === 0 && failure !== undefined) throw failure
  return { all: ofTag, isCut }
}

/** Whether there are more pages. */
async function readPages(read: ReadPart, path: string, all: Descriptor[]): Promise<boolean> {
  let query: string | undefined = ''
  for (let pages = 0; query !== undefined && pages < maxPages; pages++) {
    const page = await read(`${path}${query}`, indexType, limits.manifestBytes)
    const manifests = page && indexIn(page.bytes)
    // A page that is none, behind others that are: something is missing.
    if (page === undefined || manifests === undefined) return pages > 0
    all.push(...manifests.filter(isBundle))
    query = page.next
  }
  return query !== undefined
}

/** Clients before the specification was done left `artifactType` out of the list: then the manifest says it. */
function isBundle({ artifactType }: Descriptor): boolean {
  return artifactType === undefined || isBundleType(artifactType)
}

function isBundleType(type: unknown): boolean {
  return typeof type === 'string' && type.startsWith('application/vnd.dev.sigstore.bundle')
}

async function bundleIn(read: ReadPart, digest: string): Promise<string | undefined> {
  const manifest = await manifestAt(read, digest)
  const [layer, ...more] = manifest?.layers ?? []
  if (layer === undefined || more.length > 0 || !isBundleType(layer.mediaType)) return undefined
  const blob = await read(`blobs/${layer.digest}`, '*/*', maxBundleBytes)
  if (blob === undefined || digestOf(blob.bytes, layer.digest) !== layer.digest) return undefined
  return blob.bytes.toString('utf8')
}
