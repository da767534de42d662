import type { Entry } from '../../audit/verify/index.ts'
import { cleanText } from './receipt-agreement.ts'
import { fieldsIn, listIn, textIn, type Fields } from './lenient-fields.ts'

/** Files that entries name, put together by what tells one from another, so that a receipt of many is held against them in one pass. */
export interface Passed {
  /** By name and SHA-256. */
  readonly names: ReadonlySet<string>
  /** By these and what else tells them apart. */
  readonly files: ReadonlyMap<string, PassedFile>
}

export interface PassedFile {
  readonly sizes: Set<unknown>
  readonly tags: Set<string>
  /** In hex, by in-toto's names. */
  readonly digests: Map<string, Set<string>>
  /** Names of the digests that one file has. */
  readonly sets: Set<string>
}

/** A key of texts, as receipts write them; what is no text has none. */
export function keyOf(...parts: readonly unknown[]): string {
  return parts.map((one) => cleanText(textIn(one) ?? '')).join('\n')
}

/** What registries took: told apart by the connection. */
export function publishedIn(entries: readonly Entry[]): Passed {
  const all = packagesOf(entries, 'packages.published').filter((one) => sha256In(one) !== undefined)
  return passed(all, ({ connection }) => [connection])
}

/** What the step was given: by what named its digest, too. What is read to choose a version is no part of it. */
export function downloadedIn(entries: readonly Entry[]): Passed {
  const all = packagesOf(entries, 'packages.downloaded').filter((one) => one['part'] !== true)
  return passed(all, ({ by, connection }) => [by, connection])
}

function packagesOf(entries: readonly Entry[], type: string): Fields[] {
  return entries
    .filter((entry) => entry.type === type)
    .flatMap(({ data: { packages, connection } }) =>
      listIn(packages).map((one) => ({ ...fieldsIn(one), connection })),
    )
}

function passed(all: readonly Fields[], more: (one: Fields) => readonly unknown[]): Passed {
  const names = new Set<string>()
  const files = new Map<string, PassedFile>()
  for (const one of all) {
    const [purl, sha256] = [one['purl'], sha256In(one)]
    names.add(keyOf(purl, sha256))
    const key = keyOf(purl, sha256, ...more(one))
    const file = files.get(key) ?? {
      ...{ sizes: new Set(), tags: new Set(), digests: new Map(), sets: new Set() },
    }
    files.set(key, file)
    file.sizes.add(one['bytes'])
    if (typeof one['tag'] === 'string' && one['tag'] !== '') file.tags.add(one['tag'])
    const digests = { ...digestIn(one), ...(sha256 === undefined ? {} : { sha256 }) }
    for (const [name, hex] of Object.entries(digests))
      file.digests.set(name, (file.digests.get(name) ?? new Set()).add(hex))
    file.sets.add(Object.keys(digests).toSorted().join())
  }
  return { names, files }
}

/** In hex. */
function sha256In(item: Fields): string | undefined {
  return textIn(item['sha256']) ?? digestIn(item)['sha256']
}

const hexChars: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 }

/** What its integrity says (Subresource Integrity, or Go's `h1:`), in in-toto's names. */
function digestIn({ integrity }: Fields): Readonly<Record<string, string>> {
  const { name = '', base64 = '' } =
    /^(?:(?<name>sha(?:256|384|512))-|h1:)(?<base64>[A-Za-z0-9+/]+={0,2})$/.exec(textIn(integrity) ?? '')
      ?.groups ?? {}
  const hex = Buffer.from(base64, 'base64').toString('hex')
  if (name === '') return hex.length === 64 ? { dirHash: hex } : {}
  return hexChars[name] === hex.length ? { [name]: hex } : {}
}
