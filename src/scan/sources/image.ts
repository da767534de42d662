import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { indexType, readManifest, type Descriptor } from '../../images/index.ts'
import { limits, MayflyError } from '../../lib/index.ts'
import { isArchive, type Unseen } from '../unpack/index.ts'
import { folderSource } from './folder.ts'
import type { Batch } from './model.ts'

/**
 * An image: a folder in OCI layout (image-spec 1.1), or an archive as `docker save` and `skopeo copy` write it. Each layer is looked at once,
 * by itself: what a later one removes or covers is in the image still. So are configurations, whose history has the arguments of the build.
 * Throws `not_found` and `bad_input` for what is neither.
 */
export async function* imageSource(path: string, unseen: (unseen: Unseen) => void): AsyncGenerator<Batch> {
  const about = statSync(path, { throwIfNoEntry: false })
  if (about === undefined)
    throw new MayflyError(
      'not_found',
      `${JSON.stringify(path.slice(0, 200))} is no file and no folder: an image of a registry is brought by \`skopeo copy docker://IMAGE oci:FOLDER\``,
    )
  if (about.isDirectory()) return yield* layoutSource(path, unseen)
  if (!isArchive(readBounded(path, 512) ?? Buffer.alloc(0)))
    throw new MayflyError('bad_input', `${JSON.stringify(path.slice(0, 200))} is no archive of an image`)
  yield { parts: [{ kind: 'file', name: basename(path), path }] }
}

async function* layoutSource(root: string, unseen: (unseen: Unseen) => void): AsyncGenerator<Batch> {
  const names = namesOfLayers(root)
  if (names === undefined)
    throw new MayflyError(
      'bad_input',
      `${JSON.stringify(root.slice(0, 200))} is no image: it has no index.json`,
    )
  const missing = new Map(names)
  for await (const batch of folderSource(root, { unseen })) {
    for (const { name } of batch.parts) missing.delete(name)
    const parts = batch.parts.map((part) => ({ ...part, name: names.get(part.name) ?? part.name }))
    yield { ...batch, parts }
  }
  for (const [blob, name] of missing)
    unseen({ name, code: 'unreadable', why: `the image is without ${blob}: copy it with all its layers` })
}

const maxManifests = 1_000

/** What each blob is to the image, by its path; undefined without an index. */
function namesOfLayers(root: string): Map<string, string> | undefined {
  const index = readBounded(join(root, 'index.json'), limits.manifestBytes)
  if (index === undefined) return undefined
  const names = new Map<string, string>()
  const waiting: { readonly bytes: Buffer; readonly type: string }[] = [{ bytes: index, type: indexType }]
  const seen = new Set<string>()
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const manifest = readManifest(next.bytes, next.type)
    // What cannot be read is looked at as the file that it is.
    if (typeof manifest === 'string') continue
    for (const [i, { digest }] of manifest.layers.entries())
      names.set(blobPath(digest), `layer ${i + 1} of ${manifest.layers.length} (${digest.slice(0, 19)})`)
    for (const one of manifest.manifests) {
      if (seen.has(one.digest) || seen.size >= maxManifests) continue
      seen.add(one.digest)
      const bytes = readBounded(join(root, blobPath(one.digest)), limits.manifestBytes)
      if (bytes === undefined) names.set(blobPath(one.digest), `manifest ${one.digest.slice(0, 19)}`)
      else waiting.push({ bytes, type: typeOf(one) })
    }
  }
  return names
}

/** A digest that `images` took is one: an algorithm, and hexadecimal digits. */
const blobPath = (digest: string) => `blobs/${digest.replace(':', '/')}`

const typeOf = ({ mediaType }: Descriptor) => (typeof mediaType === 'string' ? mediaType : '')

/** A file's first bytes, none of a link or a pipe. */
function readBounded(path: string, maxBytes: number): Buffer | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  } catch {
    return undefined
  }
  try {
    if (!fstatSync(fd).isFile()) return undefined
    const bytes = Buffer.alloc(maxBytes)
    let filled = 0
    for (let count = -1; count !== 0 && filled < maxBytes; filled += count)
      count = readSync(fd, bytes, filled, maxBytes - filled, null)
    return bytes.subarray(0, filled)
  } finally {
    closeSync(fd)
  }
}
