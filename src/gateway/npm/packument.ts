import type { Clock } from '../../lib/index.ts'
import { integrityOfHex } from '../../lockfiles/index.ts'
import { copyHead, pickHeaders, type Exchange, type Permit } from '../exchange.ts'
import { plainTarget } from '../plain-target.ts'
import { cutYoung, publishedIn } from './age.ts'
import { refuse } from './answer.ts'
import type { Dist, Dists } from './dists.ts'
import { fetchDocument, full, short, type Fetched } from './document.ts'
import { isRecord, parseJson, recordOf } from './json.ts'
import { signaturesIn } from './signature.ts'
import { conventionalPath, isFileOf, isVersion, type Part } from './route.ts'

type Connection = Exchange['connection']

/**
 * A package's document on its way to the step, or a part of it. What it says of each version's file is remembered, and an address that
 * the step cannot reach by this connection becomes one that it can.
 */
export async function passPackument(
  exchange: Exchange,
  { dists, clock }: { readonly dists: Dists; readonly clock: Clock },
  permit: Permit,
  { name, part }: { readonly name: string; readonly part: Part },
): Promise<void> {
  const { request, response, connection, path } = exchange
  const { accept = short, 'user-agent': agent = 'npm' } = pickHeaders(request, ['accept', 'user-agent'])
  const minimumAge = connection.packages?.minimumAge
  const asked = connection.packages?.asksAge === true ? full : accept
  const fetched = await fetchDocument(exchange, permit, name, { accept: asked, agent })
  const read = fetched.ok ? readPackument(fetched.text, connection, name) : undefined
  if (!fetched.ok || read === undefined) return refuseDocument(exchange, name, fetched)
  dists.remember(connection, name, read.dists)
  const isCut = minimumAge !== undefined && cutYoung(read.document, clock.nowMs() - minimumAge.ms)
  const wanted = part === 'all' ? read.document : partOf(read.document, part)
  if (wanted === undefined)
    return refuse(exchange, 404, `mayfly: the registry does not have ${path.slice(1)}`)
  const isAsItCame = part === 'all' && !read.changed && !isCut
  const body = isAsItCame ? fetched.text : Buffer.from(JSON.stringify(wanted))
  copyHead(fetched.upstream, response)
  for (const header of ['content-encoding', 'content-length', 'transfer-encoding', 'etag', 'accept-ranges'])
    response.removeHeader(header)
  response.setHeader('content-length', body.length)
  response.end(body)
}

function refuseDocument(exchange: Exchange, name: string, fetched: Fetched): void {
  const what = `npm GET ${exchange.connection.name}${exchange.path}`
  if (fetched.ok)
    return refuse(
      exchange,
      502,
      exchange.deny(what, `what the registry says of ${name} is no package's document`),
    )
  const { status, why } = fetched
  refuse(exchange, status, status === 404 ? `mayfly: ${why}` : exchange.deny(what, why))
}

/** As registries answer `/NAME/VERSION`, `/NAME/TAG` and `/-/package/NAME/dist-tags`; undefined if the document does not have it. */
function partOf(document: Record<string, unknown>, part: Exclude<Part, 'all'>): unknown {
  const tags = recordOf(document['dist-tags'])
  if (part === 'tags') return tags
  const versions = recordOf(document['versions'])
  const { version } = part
  const meant = Object.hasOwn(versions, version) || !Object.hasOwn(tags, version) ? version : tags[version]
  return typeof meant === 'string' && Object.hasOwn(versions, meant) ? versions[meant] : undefined
}

/** The same for the gateway itself, where the step asked for a file without asking about its package first. */
export async function learnDists(
  exchange: Exchange,
  dists: Dists,
  permit: Permit,
  name: string,
): Promise<void> {
  const accept = exchange.connection.packages?.asksAge === true ? full : short
  const fetched = await fetchDocument(exchange, permit, name, { accept })
  const read = fetched.ok ? readPackument(fetched.text, exchange.connection, name) : undefined
  dists.remember(exchange.connection, name, read?.dists ?? [])
}

interface Packument {
  readonly document: Record<string, unknown>
  readonly dists: readonly Dist[]
  /** Whether the document is another one than came. */
  readonly changed: boolean
}

/** Reads `{ name, versions: { "1.0.0": { dist: { tarball, integrity, shasum } } } }`; undefined for anything else, or another's. */
export function readPackument(text: Buffer, connection: Connection, name: string): Packument | undefined {
  const document = parseJson(text.toString('utf8'))
  if (!isRecord(document) || document['name'] !== name) return undefined
  const dists: Dist[] = []
  const meantBy = addressesOf(connection, name)
  let changed = false
  for (const [version, manifest] of Object.entries(recordOf(document['versions']))) {
    const dist = recordOf(recordOf(manifest)['dist'])
    const { tarball, integrity } = dist
    if (!isVersion(version)) continue
    const meant = typeof tarball === 'string' ? meantBy(tarball, version) : undefined
    if (meant !== undefined && meant.shown !== tarball) {
      dist['tarball'] = meant.shown
      changed = true
    }
    const published = publishedIn(document, version)
    const said = { integrity: integrityOf(integrity, dist['shasum']), ...meant?.place, published }
    const signatures = connection.signatureKeys === undefined ? [] : signaturesIn(dist['signatures'])
    dists.push({ name, version, signatures, ...said })
  }
  return { document, dists, changed }
}

interface Meant {
  readonly place: Pick<Dist, 'tarball' | 'usual'>
  /** At which address of this connection the step asks for it. */
  readonly shown: string
}

/** Where the files of a package are, by what its document says of a version. */
function addressesOf(
  connection: Connection,
  name: string,
): (tarball: string, version: string) => Meant | undefined {
  const { origin, hostname } = new URL(connection.url)
  const base = `${origin}${connection.basePath}`
  return (tarball, version) => {
    const usual = `${base}${conventionalPath(name, version)}`
    // Most are there, and a document has thousands of versions.
    if (tarball === usual) return { place: { tarball, usual: true }, shown: usual }
    const url = URL.parse(tarball)
    if (url === null) return undefined
    // Somewhere else the gateway goes without its credential, and only if the connection names the host.
    if (url.hostname !== hostname) return { place: { tarball, usual: true }, shown: usual }
    const path = decoded(url.pathname)
    // Another package's file under this one's name would come past the grants that name the other.
    if (path === undefined || !isFileOf(path, name)) return undefined
    // A registry behind a proxy often believes that it is reached by http://, or at another port.
    const real = `${origin}${url.pathname}${url.search}`
    return {
      place: { tarball: real },
      // What the step is told it asks for: an address below the connection, in a spelling that is taken.
      shown: plainTarget(`${url.pathname}${url.search}`, connection.basePath) === undefined ? usual : real,
    }
  }
}

function integrityOf(integrity: unknown, shasum: unknown): string {
  if (typeof integrity === 'string' && integrity !== '') return integrity
  return typeof shasum === 'string' && /^[0-9a-f]{40}$/.test(shasum) ? integrityOfHex('sha1', shasum) : ''
}

export function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
