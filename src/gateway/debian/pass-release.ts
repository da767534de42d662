import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../lib/index.ts'
import type { Exchange, Permit } from '../exchange.ts'
import { follow } from '../follow.ts'
import { answerBytes, deny, isAbsent, passFailure, refuse } from './answer.ts'
import { splitClearSigned } from './clear-signed.ts'
import type { KnownIndexes, Lists } from './lists.ts'
import { readRelease, staleOrForeign, type Release } from './release.ts'
import type { SignatureCheck } from './signature.ts'

/** How new the newest release of each suite was (`StoredArchiveDates`). */
export interface ArchiveDates {
  newest(registry: string, suite: string, dateMs: number): Promise<number>
}

export interface ReleaseDeps {
  readonly clock: Clock
  readonly archiveDates?: ArchiveDates
  readonly checkSignature: SignatureCheck
  readonly known: KnownIndexes
}

/** Debian's own has 150 KB, and a signature 4. */
const maxBytes = 8_388_608
const maxSignatureBytes = 131_072

export interface ReleaseRoute {
  /** Below the archive: `dists/bookworm`; empty for the archive itself. */
  readonly folder: string
  readonly file: 'InRelease' | 'Release' | 'Release.gpg'
}

/** Undefined for any other file. */
export function releaseRouteOf(path: string): ReleaseRoute | undefined {
  const at = path.lastIndexOf('/')
  const file = path.slice(at + 1)
  return file === 'InRelease' || file === 'Release' || file === 'Release.gpg'
    ? { folder: path.slice(0, Math.max(0, at)), file }
    : undefined
}

/** Reads what says which indexes there are, as a whole: nothing of it goes to the step before signature, suite and age hold. */
export async function passRelease(
  exchange: Exchange,
  deps: ReleaseDeps,
  lists: Lists,
  { folder, file }: ReleaseRoute,
): Promise<void> {
  const operation = { action: 'debian:read', connection: exchange.connection.name, path: '' }
  const permit = await exchange.permit(operation, { debian: { folder } }, { anyRef: true })
  if (!permit.allow) return refuse(exchange, 403, permit.message)
  const beside = lists.signatures.get(folder)
  if (file === 'Release.gpg' && beside !== undefined) return answerBytes(exchange, beside)
  const signed = await fetchSigned(exchange, permit, folder, file)
  if (signed === undefined) return
  if (typeof signed === 'string') return deny(exchange, signed)
  const { keyring } = exchange.connection
  const untrusted =
    keyring === undefined
      ? 'the connection has no keyring'
      : await deps.checkSignature(signed.text, signed.signature, keyring)
  if (untrusted !== undefined) return deny(exchange, untrusted)
  const release = readRelease(signed.text.toString('latin1'))
  const problem = typeof release === 'string' ? release : await problemOf(exchange, deps, release, folder)
  if (typeof release === 'string' || problem !== undefined) return deny(exchange, problem ?? '')
  take(deps, lists, folder, release)
  if (file !== 'InRelease') lists.signatures.set(folder, signed.signature)
  answerBytes(exchange, file === 'Release.gpg' ? signed.signature : signed.bytes)
}

interface Signed {
  /** The file as it is. */
  readonly bytes: Buffer
  readonly text: Buffer
  readonly signature: Buffer
}

/** Undefined: there is none, which is answered. */
async function fetchSigned(
  exchange: Exchange,
  permit: Permit,
  folder: string,
  file: ReleaseRoute['file'],
): Promise<Signed | string | undefined> {
  const at = folder === '' ? '' : `/${folder}`
  const upstream = await follow(exchange, permit, `${at}/${file === 'InRelease' ? file : 'Release'}`)
  if (upstream.statusCode !== 200) return failed(exchange, upstream)
  const bytes = await exchange.read(upstream, maxBytes)
  if (bytes === undefined) return `it is longer than ${maxBytes} bytes, or broke off`
  if (file === 'InRelease') {
    const { text, signature } = splitClearSigned(bytes) ?? {}
    if (text === undefined || signature === undefined)
      return 'it is not one text with its signature (InRelease)'
    return { bytes, text: Buffer.from(text, 'latin1'), signature: Buffer.from(signature, 'latin1') }
  }
  const beside = await follow(exchange, permit, `${at}/Release.gpg`)
  if (isAbsent(beside)) {
    beside.destroy()
    return 'nobody signed it: the archive has neither InRelease nor Release.gpg'
  }
  if (beside.statusCode !== 200) return failed(exchange, beside)
  const signature = await exchange.read(beside, maxSignatureBytes)
  return signature === undefined
    ? 'its Release.gpg is too long, or broke off'
    : { bytes, text: bytes, signature }
}

function failed(exchange: Exchange, upstream: IncomingMessage): undefined {
  passFailure(exchange, upstream)
}

async function problemOf(
  { connection: { host, port, basePath } }: Exchange,
  { clock, archiveDates }: ReleaseDeps,
  release: Release,
  folder: string,
): Promise<string | undefined> {
  const stale = staleOrForeign(release, folder, clock.nowMs())
  if (stale !== undefined) return stale
  const { dateMs } = release
  const newestMs = (await archiveDates?.newest(`${host}:${port}${basePath}`, folder, dateMs)) ?? dateMs
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
