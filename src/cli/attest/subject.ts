import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { MayflyError, messageOf } from '../../lib/index.ts'
import type { Trust } from '../../attest/verify/index.ts'
import { digestIn, isPath } from '../digest-text.ts'
import { readBundleTexts } from '../bundle-lines.ts'
import { readJsonLines } from '../text-file.ts'
import { bundlesBesideFile } from '../verify/target.ts'
import { isAbout, readFound, refuseNoBundle, type Found } from './bundles.ts'

/** What a command line means: a digest, the digest of a file, or a file that is a bundle itself. */
export type Asked =
  /** Of a file, with the bundles about it that stand beside it. */
  | { readonly kind: 'digest'; readonly sha256: string; readonly beside: readonly Found[] }
  | { readonly kind: 'bundles'; readonly found: readonly Found[] }
  | { readonly kind: 'step'; readonly id: string }

const maxBundleBytes = 33_554_432

/** What is written as a digest is one, whatever stands in the folder: `./NAME` is a file. Throws `bad_input` for what is neither. */
export async function readAsked(text: string, trust: Trust | undefined): Promise<Asked> {
  const digest = isPath(text) ? undefined : digestIn(text)
  if (digest?.startsWith('sha512:') === true)
    throw new MayflyError('bad_input', `${text}: what is signed is found by its sha256`)
  if (digest !== undefined) return { kind: 'digest', sha256: digest.slice('sha256:'.length), beside: [] }
  if (/^stp_[0-9a-z]+$/.test(text)) return { kind: 'step', id: text }
  const size = await readable(text, () => statSync(text).size)
  const isBundle = size <= maxBundleBytes && (isBundleName(text) || holdsBundles(text))
  if (isBundle) return { kind: 'bundles', found: bundlesIn(text, trust) }
  const sha256 = await readable(text, () => sha256Of(text))
  return { kind: 'digest', sha256, beside: besideIn(text, sha256, trust) }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** What was written may be meant as any of these. */
async function readable<T>(text: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    throw new MayflyError(
      'bad_input',
      `${text} is no digest (sha256:HEX), no step (stp_...) and no file that can be read: ${messageOf(cause)}`,
      { cause },
    )
  }
}

/** Of what stands beside the file only what is about just this file: a folder may hold bundles of others. */
function besideIn(path: string, sha256: string, trust: Trust | undefined): readonly Found[] {
  const found = bundlesBesideFile(path, sha256).map(({ text }) => readFound(text, trust))
  return found.filter((one) => isAbout(one, sha256))
}

/** By its own word, as a receipt has it whatever its file is called: any other JSON may be an artifact. */
function holdsBundles(path: string): boolean {
  if (!/\.jsonl?$/.test(path)) return false
  try {
    const [first = ''] = readJsonLines(path, { isFound: true })
    const { mediaType } = JSON.parse(first) as { mediaType?: unknown }
    return typeof mediaType === 'string' && mediaType.startsWith('application/vnd.dev.sigstore.bundle')
  } catch {
    return false
  }
}

/** By its name, whatever stands in it: then it is told what is wrong with it. */
function isBundleName(path: string): boolean {
  return /\.sigstore(?:\.json)?$|\.sigstore\.jsonl$|\.bundle$/.test(path)
}

function bundlesIn(path: string, trust: Trust | undefined): readonly Found[] {
  const texts = readBundleTexts(path)
  for (const one of texts) refuseNoBundle(one, path)
  return texts.map((one) => readFound(one, trust))
}
