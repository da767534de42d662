import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  createReadStream,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { limits, MayflyError } from '../../lib/index.ts'
import { isArchive, isPacked, type Unseen } from '../unpack/index.ts'
import { folderSource } from './folder.ts'
import { partsOf, tellLacking, type ImagePlace } from './image-parts.ts'
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
  if (!isArchive(readBounded(path, headBytes) ?? Buffer.alloc(0)))
    throw new MayflyError('bad_input', `${JSON.stringify(path.slice(0, 200))} is no archive of an image`)
  yield { parts: [{ kind: 'file', name: basename(path), path, isImage: true }] }
}

async function* layoutSource(root: string, unseen: (unseen: Unseen) => void): AsyncGenerator<Batch> {
  const place = placeIn(root)
  const image = partsOf(place)
  if (image === undefined)
    throw new MayflyError(
      'bad_input',
      `${JSON.stringify(root.slice(0, 200))} is no image: it has neither index.json nor manifest.json`,
    )
  for await (const batch of folderSource(root, { unseen })) {
    const parts = batch.parts.map((part) => ({
      ...part,
      name: image.parts.get(part.name)?.name ?? part.name,
    }))
    yield { ...batch, parts }
  }
  await tellLacking(place, image, unseen)
}

/** What is outside, or behind a link, is not there: nobody looks at it. */
function placeIn(root: string): ImagePlace {
  const real = realpathSync(root)
  const within = (path: string) => {
    const file = join(real, path)
    const folder = dirname(file)
    const isIn = file.startsWith(join(real, sep)) && existsSync(folder) && realpathSync(folder) === folder
    return isIn ? file : undefined
  }
  const read = (path: string, maxBytes: number) => {
    const file = within(path)
    return file === undefined ? undefined : readBounded(file, maxBytes)
  }
  return {
    read: (path) => read(path, limits.manifestBytes),
    async about(path, algorithm) {
      const [file, head] = [within(path), read(path, headBytes)]
      if (file === undefined || head === undefined) return undefined
      const hash = createHash(algorithm)
      await pipeline(createReadStream(file), hash)
      return { digest: `${algorithm}:${hash.digest('hex')}`, isPacked: isPacked(head) }
    },
  }
}

const headBytes = 512

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
