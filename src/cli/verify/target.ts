import { createHash } from 'node:crypto'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { readText } from '../text-file.ts'

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
}

export interface Found {
  readonly text: string
  /** For people: the file, the registry, the server. */
  readonly from: string
}

export type Kind = 'file' | 'image' | 'digest'

/** A file that is there is one; `oci://...` is an image, and so is a name with a tag or digest; `sha256:HEX` is a digest. */
export function kindOf(written: string): Kind {
  if (/^sha(?:256|512):[0-9a-f]+$/.test(written)) return 'digest'
  if (written.startsWith('oci://')) return 'image'
  if (existsSync(written)) return 'file'
  if (/^[^/]+\.[^/]+\/.+[:@].+$|^localhost(?::\d+)?\/.+$/.test(written)) return 'image'
  throw new MayflyError(
    'bad_input',
    `${written} is no file that is there, no image (oci://REGISTRY/REPOSITORY:TAG) and no digest (sha256:HEX)`,
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

/** `FILE.sigstore.json` and `FILE.intoto.jsonl` beside it. */
export function bundlesBesideFile(path: string): Found[] {
  return [`${path}.sigstore.json`, `${path}.intoto.jsonl`].filter((one) => existsSync(one)).flatMap(bundlesIn)
}

const maxLines = 10_000

/** One bundle in JSON, or one on each line. */
export function bundlesIn(path: string): Found[] {
  const text = readText(path)
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const isLines = lines.length > 1 && lines.every((line) => /^\{.*\}\s*$/.test(line))
  if (lines.length > maxLines)
    throw new MayflyError('bad_input', `${path} has more than ${maxLines} lines: which bundle is meant?`)
  return (isLines ? lines : [text]).map((one) => ({ text: one, from: path }))
}
