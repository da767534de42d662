import { createHash } from 'node:crypto'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { bundleNamesOf, plainNamesOf } from '../../runner/index.ts'
import { digestIn, isPath } from '../digest-text.ts'
import { readBundleTexts } from '../bundle-lines.ts'
import type { Reading } from '../text-file.ts'

/** What is verified, and what was found that may say how it was made. */
export interface Target {
  /** `sha256:HEX`. */
  readonly digest: string
  readonly bundles: Bundles
  /** Who else may be asked, if these are not enough. */
  readonly more?: () => Promise<Bundles>
  /** Of an index: the images that it has for each platform. */
  readonly images?: () => Promise<readonly ImageIn[]>
}

/** An image of an index, by its digest, and how it is looked at. */
export interface ImageIn {
  readonly digest: string
  open(): Promise<Target>
}

export interface Bundles {
  readonly found: readonly Found[]
  /** There are more, which were not read. */
  readonly isCut: boolean
  /** Why some could not be read now: without those nobody can tell that there is none. */
  readonly unread?: MayflyError
}

export interface Found {
  readonly text: string
  /** For people: the file, the registry, the server. */
  readonly from: string
}

export type Kind =
  | { readonly kind: 'digest'; readonly digest: string }
  | { readonly kind: 'file' }
  | { readonly kind: 'image' }

/**
 * `oci://...` is an image, `./...` a file. What has a whole digest in it is held against that digest, whatever stands in the folder:
 * a checkout may bring a file of that name. Throws `bad_input` for what may be a file as well as an image.
 */
export function kindOf(written: string): Kind {
  if (written.startsWith('oci://')) return { kind: 'image' }
  if (!isPath(written)) {
    const digest = digestIn(written)
    if (digest !== undefined) return { kind: 'digest', digest }
    if (isImage(written)) return { kind: 'image' }
  }
  if (existsSync(written)) return { kind: 'file' }
  throw new MayflyError(
    'bad_input',
    `${written} is no file that is there, no image (oci://REGISTRY/REPOSITORY:TAG) and no digest (sha256:HEX)`,
  )
}

function isImage(written: string): boolean {
  if (/@sha(?:256|512):[0-9a-f]+$/i.test(written)) return true
  if (!/^[^/]+\.[^/]+\/.+[:@].+$|^localhost(?::\d+)?\/.+$/.test(written)) return false
  if (!existsSync(written)) return true
  throw new MayflyError(
    'bad_input',
    `${written} may be an image, and is a file here: write oci://${written} for the image, ./${written} for the file`,
  )
}

/** As large as it may be: it is read once, in pieces. Throws `bad_input`. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    if (statSync(path).isDirectory()) throw new Error('it is a folder')
    await pipeline(createReadStream(path, { highWaterMark: 1_048_576 }), hash)
  } catch (cause) {
    throw new MayflyError('bad_input', `${path} cannot be read: ${messageOf(cause)}`, { cause })
  }
  return `sha256:${hash.digest('hex')}`
}

/**
 * What stands in the folder of the file, or in another one that `mayfly run --attestations` wrote to, by the names that are written
 * there. Plain envelopes count for nothing; where there is nothing else they are told as what they are.
 */
export function bundlesBesideFile(path: string, sha256: string, folder = dirname(path)): Found[] {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new MayflyError('bad_input', `${folder} is no folder: name the one that the bundles are in`)
  const there = (names: readonly string[]) =>
    names.map((name) => join(folder, name)).filter((one) => existsSync(one))
  const bundles = there(bundleNamesOf({ path, sha256 }))
  return (bundles.length > 0 ? bundles : there(plainNamesOf({ path }))).flatMap((one) =>
    bundlesIn(one, { isFound: true }),
  )
}

export function bundlesIn(path: string, reading: Reading = {}): Found[] {
  return readBundleTexts(path, reading).map((text) => ({ text, from: path }))
}
