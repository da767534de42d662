import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../lib/index.ts'
import type { Exchange, Permit } from '../exchange.ts'
import { follow } from '../follow.ts'
import { isAbsent } from './answer.ts'
import { splitClearSigned } from './clear-signed.ts'
import type { KnownIndexes, Lists } from './lists.ts'
import { readRelease, staleOrForeign, type Release } from './release.ts'
import type { SignatureCheck } from './signature.ts'

/** How new the newest release of each suite was (`StoredArchiveDates`). */
export interface ArchiveDates {
  newest(registry: string, suite: string, dateMs: number): Promise<number>
  suites(registry: string): Promise<readonly string[]>
}

export interface ReleaseDeps {
  readonly clock: Clock
  readonly archiveDates?: ArchiveDates
  readonly checkSignature: SignatureCheck
  readonly known: KnownIndexes
}

export interface Signed {
  /** The file as it is. */
  readonly bytes: Buffer
  readonly text: Buffer
  readonly signature: Buffer
}

/** A release that holds; why it does not; or the answer of an archive that does not give it. */
export type Fetched =
  | { readonly signed: Signed; readonly release: Release }
  | { readonly refused: string }
  | { readonly failed: IncomingMessage }

/** Debian's own has 150 KB, and a signature 4. */
const maxBytes = 8_388_608
const maxSignatureBytes = 131_072

/** Reads what says which indexes there are, as a whole, and holds it by signature, suite and age; what holds the step has read. */
export async function fetchRelease(
  exchange: Exchange,
  deps: ReleaseDeps,
  lists: Lists,
  permit: Permit,
  { folder, within }: { readonly folder: string; readonly within: boolean },
): Promise<Fetched> {
  const { keyring } = exchange.connection
  const fetched = await fetchSigned(exchange, permit, folder, within)
  if (!('text' in fetched)) return fetched
  if (keyring === undefined) return { refused: 'the connection has no keyring' }
  const untrusted = await deps.checkSignature(fetched.text, fetched.signature, keyring)
  if (untrusted !== undefined) return { refused: untrusted }
  const release = readRelease(fetched.text.toString('latin1'))
  if (typeof release === 'string') return { refused: release }
  const problem = await problemOf(exchange, deps, release, folder)
  if (problem !== undefined) return { refused: problem }
  take(deps, lists, folder, release)
  return { signed: fetched, release }
}

/** `within`: the signature stands in the file itself (InRelease). */
async function fetchSigned(
  exchange: Exchange,
  permit: Permit,
  folder: string,
  within: boolean,
): Promise<Signed | Exclude<Fetched, { signed: Signed }>> {
  const at = folder === '' ? '' : `/${folder}`
  const upstream = await follow(exchange, permit, `${at}/${within ? 'InRelease' : 'Release'}`)
  if (upstream.statusCode !== 200) return { failed: upstream }
  const bytes = await exchange.read(upstream, maxBytes)
  if (bytes === undefined) return { refused: `it is longer than ${maxBytes} bytes, or broke off` }
  if (within) {
    const found = splitClearSigned(bytes)
    if (found === undefined) return { refused: 'it is not one text with its signature (InRelease)' }
    return {
      bytes,
      text: Buffer.from(found.text, 'latin1'),
      signature: Buffer.from(found.signature, 'latin1'),
    }
  }
  const beside = await follow(exchange, permit, `${at}/Release.gpg`)
  if (isAbsent(beside)) {
    beside.destroy()
    return { refused: 'nobody signed it: the archive has neither InRelease nor Release.gpg' }
  }
  if (beside.statusCode !== 200) return { failed: beside }
  const signature = await exchange.read(beside, maxSignatureBytes)
  return signature === undefined
    ? { refused: 'its Release.gpg is too long, or broke off' }
    : { bytes, text: bytes, signature }
}

/** The archive by where it is: a connection may be renamed, and is the same archive. */
export function archiveOf({ connection: { host, port, basePath } }: Exchange): string {
  return `${host}:${port}${basePath}`
}

async function problemOf(
  exchange: Exchange,
  { clock, archiveDates }: ReleaseDeps,
  release: Release,
  folder: string,
): Promise<string | undefined> {
  const stale = staleOrForeign(release, folder, clock.nowMs(), exchange.connection.snapshot !== true)
  if (stale !== undefined) return stale
  const { dateMs } = release
  const newestMs = (await archiveDates?.newest(archiveOf(exchange), folder, dateMs)) ?? dateMs
  return newestMs === dateMs
    ? undefined
    : `it is of ${new Date(dateMs).toISOString()}, and a step was given one of ${new Date(newestMs).toISOString()} before: an archive does not go back`
}

/** Indexes that are known by their digest count as read: apt does not ask again for what it has on its disk. */
function take({ known }: ReleaseDeps, lists: Lists, folder: string, release: Release): void {
  lists.releases.set(folder, release)
  for (const file of release.files.values()) {
    const index = known.of(file)
    if (index !== undefined) lists.add(folder, file, index)
  }
}
