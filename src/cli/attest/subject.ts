import { createHash } from 'node:crypto'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { MayflyError, messageOf } from '../../lib/index.ts'
import type { Trust } from '../../attest/verify/index.ts'
import { digestIn } from '../digest-text.ts'
import { readJsonText } from '../text-file.ts'
import { readFound, refuseNoBundle, type Found } from './bundles.ts'

/** What a command line means: a digest, the digest of a file, or a file that is a bundle itself. */
export type Asked =
  | { readonly kind: 'digest'; readonly sha256: string }
  | { readonly kind: 'bundles'; readonly found: readonly Found[] }
  | { readonly kind: 'step'; readonly id: string }

const maxBundleBytes = 33_554_432

/** Throws `bad_input` for what is neither. */
export async function readAsked(text: string, trust: Trust | undefined): Promise<Asked> {
  const digest = existsSync(text) ? undefined : digestIn(text)
  if (digest?.startsWith('sha512:') === true)
    throw new MayflyError('bad_input', `${text}: what is signed is found by its sha256`)
  if (digest !== undefined) return { kind: 'digest', sha256: digest.slice('sha256:'.length) }
  if (/^stp_[0-9a-z]+$/.test(text)) return { kind: 'step', id: text }
  try {
    const { size } = statSync(text)
    const bundles = size > maxBundleBytes || !isBundleName(text) ? undefined : bundlesIn(text, trust)
    if (bundles !== undefined) return { kind: 'bundles', found: bundles }
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(text)) hash.update(chunk as Buffer)
    return { kind: 'digest', sha256: hash.digest('hex') }
  } catch (cause) {
    throw new MayflyError(
      'bad_input',
      `${text} is no digest (sha256:HEX), no step (stp_...) and no file that can be read: ${messageOf(cause)}`,
      { cause },
    )
  }
}

/** By its name: any JSON may be an artifact. */
function isBundleName(path: string): boolean {
  return /\.sigstore(?:\.json)?$|\.sigstore\.jsonl$|\.bundle$/.test(path)
}

/** One bundle, or one a line. */
function bundlesIn(path: string, trust: Trust | undefined): readonly Found[] {
  const text = readJsonText(path)
  const texts = isOne(text) ? [text] : text.split('\n').filter((line) => line.trim() !== '')
  for (const one of texts) refuseNoBundle(one)
  return texts.map((one) => readFound(one, trust))
}

function isOne(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
