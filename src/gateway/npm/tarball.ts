import type { IncomingMessage } from 'node:http'
import { messageOf } from '../../lib/index.ts'
import { joinIntegrity, placeOf, type Pin, type Pins } from '../../lockfiles/index.ts'
import { discard, pickHeaders, type Exchange, type Permit } from '../exchange.ts'
import { strongest } from '../verified-body.ts'
import { refuse, refuseAnswer } from './answer.ts'
import { fetchAttestations } from './attestations.ts'
import type { Dists } from './dists.ts'
import { decoded, learnDists } from './packument.ts'
import { isFileOf, routeOf } from './route.ts'
import { unsigned } from './signature.ts'

/** Which version's file a request asks for, and what the lockfiles say of it. */
export interface File {
  readonly name: string
  readonly version: string
  /** None: no lockfile pins it. */
  readonly pins: readonly Pin[]
}

/**
 * Whose file is at the path of this request: by the addresses that the lockfiles name, by those of the packuments that passed,
 * by the registries' convention. Undefined if it is no file; a text says why it is nobody's.
 */
export function fileOf(exchange: Exchange, pins: Pins | undefined, dists: Dists): File | string | undefined {
  const { connection, path, query } = exchange
  const pinned = (name: string, version: string): File => ({
    ...{ name, version, pins: pins?.of('npm', name, version) ?? [] },
  })
  const { origin } = new URL(connection.url)
  const place = placeOf(`${origin}${connection.basePath}${path}${query === '' ? '' : `?${query}`}`)
  const [first, ...others] = (place === undefined ? undefined : pins?.at(place)) ?? []
  if (first !== undefined) {
    const { name, version } = first
    if (others.some((other) => other.name !== name || other.version !== version))
      return 'the lockfiles say that two packages are at this address'
    if (!isFileOf(decoded(path) ?? '', name, version))
      return `the lockfile says that ${name}@${version} is at this address, which is not one of that version`
    return pinned(name, version)
  }
  const passed = place === undefined ? undefined : dists.at(connection, place)
  if (passed !== undefined) return pinned(passed.name, passed.version)
  const route = routeOf('GET', path, query)
  return route.kind === 'tarball' ? pinned(route.name, route.version) : undefined
}

/** What a file's bytes must be, and who says so. */
export type Digest =
  | { readonly ok: true; readonly integrity: string; readonly by: 'lockfile' | 'registry' | 'signature' }
  | { readonly ok: false; readonly why: string }

/** What the lockfiles say together; `registry` if none of them has a digest, and one may be without. */
export function pinnedDigest({ pins }: File): Digest | 'registry' {
  const [first, ...others] = pins
  if (first === undefined) return 'registry'
  const integrity = others.reduce<string | undefined>(
    (joined, pin) => (joined === undefined ? undefined : joinIntegrity(joined, pin.integrity)),
    first.integrity,
  )
  if (integrity === undefined)
    return { ok: false, why: 'two lockfiles of the workspace pin it to two digests' }
  if (integrity !== '') return reliable(integrity, 'lockfile')
  return pins.some(({ byRegistry }) => byRegistry === true)
    ? 'registry'
    : { ok: false, why: 'the lockfile has no integrity for it: take its entry out and install anew' }
}

function reliable(integrity: string, by: 'lockfile' | 'registry' | 'signature'): Digest {
  try {
    strongest(integrity)
    return { ok: true, integrity, by }
  } catch (error) {
    return {
      ok: false,
      why:
        by === 'lockfile' ? messageOf(error) : 'the registry names no digest but SHA-1, which can be forged',
    }
  }
}

/** What the registry says, by the packument that passed to this step or else by one that is asked for now. */
async function registryDigest(
  exchange: Exchange,
  dists: Dists,
  permit: Permit,
  { name, version }: File,
): Promise<Digest> {
  const { connection } = exchange
  if (dists.of(connection, name, version) === undefined) await learnDists(exchange, dists, permit, name)
  const dist = dists.of(connection, name, version)
  if (dist === undefined) return { ok: false, why: 'the registry does not name this version' }
  if (dist.integrity === '') return { ok: false, why: 'neither lockfile nor registry name a digest of it' }
  const { signatureKeys } = connection
  if (signatureKeys === undefined) return reliable(dist.integrity, 'registry')
  const why = unsigned(signatureKeys, dist)
  return why === undefined ? reliable(dist.integrity, 'signature') : { ok: false, why }
}

/** A file on its way to the step, held against its digest. */
export async function passTarball(
  exchange: Exchange,
  dists: Dists,
  permit: Permit,
  file: File,
  pinned: Digest | 'registry',
): Promise<void> {
  const { name, version } = file
  const what = `npm GET ${exchange.connection.name} ${name}@${version}`
  const digest = pinned === 'registry' ? await registryDigest(exchange, dists, permit, file) : pinned
  if (!digest.ok) return refuse(exchange, 403, exchange.deny(what, digest.why))
  const download = {
    purl: purlOf(name, version),
    what: `${name}@${version}`,
    integrity: digest.integrity,
    by: digest.by,
    attestations: () => fetchAttestations(exchange, permit, name, version),
    refuse: (message: string) => refuse(exchange, 403, message),
  }
  if (await exchange.deliverKept(permit, download)) return
  const upstream = await fetchFile(exchange, permit, dists, file)
  if (typeof upstream === 'string') return refuse(exchange, 502, exchange.deny(what, upstream))
  const { statusCode = 0 } = upstream
  if (statusCode === 404) {
    discard(upstream)
    return refuse(exchange, 404, `mayfly: the registry does not have ${name}@${version}`)
  }
  // Clients take any other of the two hundreds for success, too.
  if (statusCode !== 200) return refuseAnswer(exchange, what, upstream)
  const published = await publishedAt(exchange, dists, permit, { ...file, upstream })
  await exchange.deliver(upstream, { ...download, ...(published === undefined ? {} : { published }) })
}

/** Asked of the registry only where the connection minds it, and neither its packument nor the file's own answer has said it. */
async function publishedAt(
  exchange: Exchange,
  dists: Dists,
  permit: Permit,
  { name, version, upstream }: File & { readonly upstream: IncomingMessage },
): Promise<number | undefined> {
  const { connection } = exchange
  if (connection.packages?.asksAge !== true) return undefined
  const known = dists.of(connection, name, version)
  if (known !== undefined || upstream.headers['last-modified'] !== undefined) return known?.published
  await learnDists(exchange, dists, permit, name)
  return dists.of(connection, name, version)?.published
}

export function purlOf(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`
}

const maxRedirects = 5

/** The answer of whoever has the file; or why nobody is asked. Redirects are followed here: they may hold what opens them. */
async function fetchFile(
  exchange: Exchange,
  permit: Permit,
  dists: Dists,
  { name, version }: File,
): Promise<IncomingMessage | string> {
  const { connection, path, query, request } = exchange
  // The digest is of the file itself, so it must not come in another encoding.
  const { 'user-agent': agent = 'npm' } = pickHeaders(request, ['user-agent'])
  const headers = { 'user-agent': agent, 'accept-encoding': 'identity' }
  const own = new URL(
    `${new URL(connection.url).origin}${connection.basePath}${path}${query === '' ? '' : `?${query}`}`,
  )
  const { tarball } = dists.of(connection, name, version) ?? {}
  const named = tarball === undefined ? undefined : (URL.parse(tarball) ?? undefined)
  const first =
    named === undefined ? undefined : exchange.sendTo(permit, named, { method: 'GET', headers }, 'storage')
  let at = first === undefined ? own : (named ?? own)
  let answer = await (first ??
    exchange.send(permit, { method: 'GET', path: query === '' ? path : `${path}?${query}`, headers }))
  for (let hops = 0; isRedirect(answer); hops++) {
    const { location = '' } = answer.headers
    discard(answer)
    const next = URL.parse(location, at)
    if (next === null || hops === maxRedirects) return 'the registry redirects without an end'
    const following = exchange.sendTo(permit, next, { method: 'GET', headers }, 'storage')
    if (following === undefined)
      return `the registry redirects to ${next.host}: if its files are there, add it to the connection as storage: ["${next.host}"]`
    at = next
    answer = await following
  }
  return answer
}

function isRedirect({ statusCode = 0 }: IncomingMessage): boolean {
  return [301, 302, 303, 307, 308].includes(statusCode)
}
