import { posix } from 'node:path'
import { indexType, manifestTypes, readManifest, type Descriptor, type Manifest } from '../../images/index.ts'
import type { Unseen } from '../unpack/index.ts'

/** Where an image lies: a folder, or an archive that was gone through. */
export interface ImagePlace {
  /** A short file; undefined if there is none. */
  read(path: string): Buffer | undefined
  /** What a file is, by the algorithm of a digest; undefined if there is none. */
  about(path: string, algorithm: string): Promise<ImageFile | undefined> | ImageFile | undefined
}

export interface ImageFile {
  /** `sha256:...` of its bytes. */
  readonly digest: string
  /** The digest of what is in it is another one. */
  readonly isPacked: boolean
}

export interface ImagePart {
  readonly name: string
  readonly digest?: string
  /** The digest is that of its tar, whether it is packed or not. */
  readonly isOfTar?: boolean
}

/** What an image says that it consists of, by path, and what of that cannot be told. */
export interface ImageParts {
  readonly parts: ReadonlyMap<string, ImagePart>
  readonly unknown: readonly Unseen[]
}

const maxManifests = 1_000
/** `{}`, which stands for no configuration, and need not be there (image-spec 1.1, guidance for an empty descriptor). */
const emptyDigest = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'

/** Goes by both, if it has both: `index.json` (image-spec 1.1), and the `manifest.json` of `docker save`. Undefined: it is no image. */
export function partsOf(place: Pick<ImagePlace, 'read'>): ImageParts | undefined {
  const [index, docker] = ['index.json', 'manifest.json'].map((name) => place.read(name))
  if (index === undefined && docker === undefined) return undefined
  const parts = new Map<string, ImagePart>()
  const unknown: Unseen[] = []
  const tell = (name: string, why: string) => void unknown.push({ name, code: 'broken', why })
  if (docker !== undefined) addDocker(place, docker, parts, tell)
  if (index !== undefined) addIndex(place, index, parts, tell)
  return { parts, unknown }
}

type Tell = (name: string, why: string) => void

function addIndex(
  place: Pick<ImagePlace, 'read'>,
  index: Buffer,
  parts: Map<string, ImagePart>,
  tell: Tell,
): void {
  const waiting = [{ name: 'index.json', bytes: index, type: indexType }]
  const seen = new Set<string>()
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { name, bytes, type } = next
    const manifest = readManifest(bytes, type)
    if (typeof manifest === 'string') {
      tell(name, `what belongs to the image cannot be told: ${manifest}`)
      continue
    }
    if (!isKnown(manifest)) tell(name, `it is of a type whose parts are not known (${manifest.type})`)
    for (const [digest, of] of blobsOf(manifest))
      parts.set(blobPath(digest), { name: `${of} (${digest.slice(0, 19)})`, digest })
    for (const one of manifest.manifests) {
      const { digest } = one
      if (seen.has(digest)) continue
      if (seen.size >= maxManifests) return tell(name, `it has more than ${maxManifests} manifests`)
      seen.add(digest)
      const told = `manifest ${digest.slice(0, 19)}${platformOf(one)}`
      parts.set(blobPath(digest), { name: told, digest })
      const content = isManifestType(typeOf(one)) ? place.read(blobPath(digest)) : undefined
      if (content !== undefined) waiting.push({ name: told, bytes: content, type: typeOf(one) })
    }
  }
}

const artifactType = 'application/vnd.oci.artifact.manifest.v1+json'
const isKnown = ({ type }: Manifest) => manifestTypes.includes(type) || type === artifactType
const isManifestType = (type: string) => type === '' || /manifest|index/i.test(type)

/** All but the manifests of an index. */
function* blobsOf({
  layers,
  children,
  manifests,
  isImage,
}: Manifest): Generator<[digest: string, what: string]> {
  const others = new Set(manifests.map(({ digest }) => digest))
  for (const [i, { digest }] of layers.entries()) {
    others.add(digest)
    if (digest !== emptyDigest) yield [digest, `layer ${i + 1} of ${layers.length}`]
  }
  for (const [i, digest] of children.entries())
    if (!others.has(digest) && digest !== emptyDigest)
      yield [digest, isImage && i === 0 ? 'configuration' : 'part']
}

/** A digest that `images` took is one: an algorithm, and hexadecimal digits. */
const blobPath = (digest: string) => `blobs/${digest.replace(':', '/')}`

const typeOf = ({ mediaType }: Descriptor) => (typeof mediaType === 'string' ? mediaType : '')

function platformOf({ platform }: Descriptor): string {
  const { os, architecture } = recordOf(platform)
  return typeof os === 'string' && typeof architecture === 'string'
    ? ` of ${os.slice(0, 32)}/${architecture.slice(0, 32)}`
    : ''
}

/** `manifest.json` is a list of images, each with `Config` and `Layers`, which are paths (moby, image/tarexport). */
function addDocker(
  place: Pick<ImagePlace, 'read'>,
  manifest: Buffer,
  parts: Map<string, ImagePart>,
  tell: Tell,
): void {
  const images = jsonIn(manifest)
  if (!Array.isArray(images))
    return tell('manifest.json', 'what belongs to the image cannot be told: it is no list')
  for (const image of images) {
    const { Config: config, Layers: layers = [] } = recordOf(image)
    if (
      typeof config !== 'string' ||
      !Array.isArray(layers) ||
      !layers.every((one) => typeof one === 'string')
    ) {
      tell('manifest.json', 'what belongs to the image cannot be told: Config and Layers are no paths')
      continue
    }
    const path = posix.normalize(config)
    const hex = /(?:^|[/:])([0-9a-f]{64})(?:\.json)?$/.exec(path)?.[1]
    parts.set(path, { name: 'configuration', ...(hex === undefined ? {} : { digest: `sha256:${hex}` }) })
    const ids = recordOf(recordOf(jsonIn(place.read(path)))['rootfs'])['diff_ids']
    if (Array.isArray(ids) && ids.length !== layers.length)
      tell('manifest.json', `the configuration has ${ids.length} layers, and it names ${layers.length}`)
    for (const [i, layer] of layers.entries()) {
      const id: unknown = Array.isArray(ids) && ids.length === layers.length ? ids[i] : undefined
      const name = `layer ${i + 1} of ${layers.length}`
      parts.set(posix.normalize(layer), {
        name,
        ...(typeof id === 'string' && /^sha256:[0-9a-f]{64}$/.test(id) ? { digest: id, isOfTar: true } : {}),
      })
    }
  }
}

function jsonIn(bytes: Buffer | undefined): unknown {
  try {
    return bytes === undefined ? undefined : JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** Tells what the image is without, and what is another than it says. */
export async function tellLacking(
  place: ImagePlace,
  { parts, unknown }: ImageParts,
  unseen: (unseen: Unseen) => void,
): Promise<void> {
  for (const one of unknown) unseen(one)
  for (const [path, { name, digest, isOfTar = false }] of parts) {
    const file = await place.about(path, digest?.startsWith('sha512:') === true ? 'sha512' : 'sha256')
    if (file === undefined)
      unseen({
        name,
        code: 'unreadable',
        why: `the image is without ${path}: copy it with all that it names`,
      })
    else if (digest !== undefined && file.digest !== digest && !(isOfTar && file.isPacked))
      unseen({ name, code: 'broken', why: `${path} has other bytes than its digest names: copy it anew` })
  }
}
