import { MayflyError, messageOf } from '../../lib/index.ts'
import { integrityOfHex, joinIntegrity } from '../../lockfiles/index.ts'
import { createParagraphReader, type Paragraph } from './control-file.ts'

/** What a Release file says, once its signature held (wiki.debian.org/DebianRepository/Format). */
export interface Release {
  readonly origin: string
  readonly suite: string
  readonly codename: string
  readonly dateMs: number
  readonly validUntilMs: number | undefined
  /** By path below the folder of the Release. */
  readonly files: ReadonlyMap<string, ListedFile>
  /** The same by `FOLDER/by-hash/ALGORITHM/HEX`. */
  readonly byHash: ReadonlyMap<string, ListedFile>
}

export interface ListedFile {
  readonly path: string
  readonly bytes: number
  /** Subresource Integrity text: SHA-256, SHA-512, or both. */
  readonly integrity: string
}

const algorithms = { sha256: 64, sha512: 128 } as const

/** Reads the text that was signed; why it is of no use. */
export function readRelease(text: string): Release | string {
  const paragraphs: Paragraph[] = []
  try {
    const fields = ['origin', 'suite', 'codename', 'date', 'valid-until', ...Object.keys(algorithms)]
    const reader = createParagraphReader(fields, (one) => paragraphs.push(one))
    reader.add(text)
    reader.end()
    const [only, ...others] = paragraphs
    if (only === undefined || others.length > 0) return 'it is not one paragraph'
    return releaseOf(only)
  } catch (error) {
    if (error instanceof MayflyError) return messageOf(error)
    throw error
  }
}

function releaseOf(paragraph: Paragraph): Release | string {
  const dateMs = timeOf(paragraph.get('date') ?? '')
  const validUntil = paragraph.get('valid-until')
  const validUntilMs = validUntil === undefined ? undefined : timeOf(validUntil)
  if (dateMs === undefined) return 'it has no Date that can be read'
  if (validUntil !== undefined && validUntilMs === undefined) return 'its Valid-Until cannot be read'
  const files = new Map<string, ListedFile>()
  const byHash = new Map<string, ListedFile>()
  for (const [name, chars] of Object.entries(algorithms))
    for (const line of (paragraph.get(name) ?? '').split('\n').filter((one) => one !== '')) {
      const [hex = '', size = '', path = '', ...more] = line.split(/[ \t]+/)
      if (hex.length !== chars || !/^[0-9a-f]+$/.test(hex) || !/^[0-9]{1,13}$/.test(size) || more.length > 0)
        return `a line of its ${name.toUpperCase()} cannot be read`
      const known = files.get(path)
      const integrity = joinIntegrity(integrityOfHex(name, hex), known?.integrity ?? '')
      if (integrity === undefined || (known !== undefined && known.bytes !== Number(size)))
        return `it says two things of ${path.slice(0, 200)}`
      const file = { path, bytes: Number(size), integrity }
      files.set(path, file)
      byHash.set(`${path.slice(0, path.lastIndexOf('/') + 1)}by-hash/${name.toUpperCase()}/${hex}`, file)
    }
  if (files.size === 0)
    return 'it lists its indexes without SHA256 and SHA512, and weaker digests can be forged'
  const [origin, suite, codename] = ['origin', 'suite', 'codename'].map((name) => paragraph.get(name) ?? '')
  return {
    origin: origin ?? '',
    suite: suite ?? '',
    codename: codename ?? '',
    dateMs,
    validUntilMs,
    files,
    byHash,
  }
}

/** As `date -Ru` writes it, always in UTC: `Sat, 11 Jul 2026 10:16:37 UTC`. */
function timeOf(text: string): number | undefined {
  const form =
    /^[A-Z][a-z]{2}, +[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} +[0-9]{1,2}:[0-9]{2}:[0-9]{2} (?:UTC|GMT|Z|[+-]0000)$/
  const ms = form.test(text) ? Date.parse(text.replace(/(?:UTC|Z|[+-]0000)$/, 'GMT')) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

/** The clocks of two machines differ by so much at most. */
const clockMs = 3_600_000

/** Why a release that is signed is not the one of this folder, now; undefined if it is. */
export function staleOrForeign(
  release: Release,
  folder: string,
  nowMs: number,
  expires: boolean,
): string | undefined {
  const { suite, codename, dateMs, validUntilMs } = release
  // A flat repository has no suite; of an old security archive the folder says more than its Release.
  const named = /^dists\/(.+?)(?:\/updates)?$/.exec(folder)?.[1]
  const own = [suite, codename, `${suite}/updates`, `${codename}/updates`]
  if (named !== undefined && !own.some((one) => one === named || `dists/${one}` === folder))
    return `it is of suite "${suite}" (codename "${codename}"), and stands where "${named}" is`
  if (dateMs > nowMs + clockMs) return `its Date is in the future (${new Date(dateMs).toISOString()})`
  if (expires && validUntilMs !== undefined && validUntilMs < nowMs)
    return `it was valid until ${new Date(validUntilMs).toISOString()}: newer ones may be held back`
  return undefined
}
