import { messageOf } from '../../lib/index.ts'
import { canonicalVersion, placeOf } from '../../lockfiles/index.ts'
import { copyHead, discard, type Exchange, type Permit, refusedHint } from '../exchange.ts'
import { strongest } from '../verified-body.ts'
import { addressOf, ask } from '../ask.ts'
import { answerPlain, refuse } from './answer.ts'
import { fetchAttestations } from './attestations.ts'
import { mayResolve, operationOf, unpinned } from './index-request.ts'
import type { Pages } from './pages.ts'
import type { IndexFile, ProjectPage } from './project-page.ts'
import { pinnedFile, purlOf, releasesOf, versionOf, type Release } from './release-file.ts'
import type { Route } from './route.ts'

type File = Extract<Route, { kind: 'file' }>

/** Who named the digest, and which it is. */
interface Pinned extends Release {
  readonly permit: Permit
  readonly integrity: string
  readonly by: 'lockfile' | 'registry'
}

/** A file, held against the lockfile's digest; or under a grant to resolve against the index's own, which the record says. */
export async function serveFile(exchange: Exchange, pages: Pages, route: File): Promise<void> {
  const url = addressOf(exchange)
  // In a query anything could be told to the host: only what the index itself wrote there passes.
  if (exchange.query !== '' && pages.known(exchange, url) === undefined)
    return refuse(exchange, 'no page of the index names this address')
  const pinned = await pinnedOf(exchange, pages, route, url)
  if (pinned === undefined) return
  if (route.isMetadata) return serveMetadata(exchange, pages, pinned, route.file, url)
  const { integrity, by } = pinned
  await fetchFile(exchange, pinned.permit, url, {
    purl: purlOf(pinned, route.file),
    what: route.file,
    integrity,
    by,
    ...publishedAt(pages.known(exchange, url)?.file),
    attestations: () => fetchAttestations(exchange, pages, pinned, url),
    refuse: (message) => answerPlain(exchange, 403, message),
  })
}

/** As the index says in JSON (PEP 700). */
function publishedAt(file: IndexFile | undefined): { published?: number } {
  const time = Date.parse(String(file?.rest['upload-time']))
  return Number.isNaN(time) ? {} : { published: time }
}

/** Undefined: it was refused. */
async function pinnedOf(
  exchange: Exchange,
  pages: Pages,
  { file }: File,
  url: URL,
): Promise<Pinned | undefined> {
  const pins = await exchange.pins()
  const pinned = pins === undefined ? undefined : pinnedFile(pins, file)
  if (pins === undefined || pinned === undefined) return resolvedOf(exchange, pages, file, url)
  const { project, integrity } = pinned
  const version = versionOf(file, project)
  // What the lockfile says of a file is the repository's word, and its name the registry's: rules and record are about the one.
  if (version === undefined || canonicalVersion(version) !== canonicalVersion(pinned.version))
    return refuse(
      exchange,
      `the lockfile says that ${file} is ${project} ${pinned.version}, which its name does not`,
    )
  const permit = await exchange.permitPinned(operationOf(exchange, 'pypi:install', project, version), pins)
  if (!permit.allow) return answerPlain(exchange, 403, permit.message)
  const problem = integrityProblem(file, integrity)
  if (problem !== undefined || integrity === undefined) return refuse(exchange, problem ?? '')
  return { project, version, permit, integrity, by: 'lockfile' }
}

function integrityProblem(file: string, integrity: string | undefined): string | undefined {
  if (integrity === undefined) return `two lockfiles of the workspace pin ${file} to two digests`
  if (integrity === '')
    return `the lockfile pins ${file} without a hash: make it with hashes (pip-compile --generate-hashes, uv pip compile --generate-hashes)`
  try {
    strongest(integrity)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

/** What no lockfile pins. */
async function resolvedOf(
  exchange: Exchange,
  pages: Pages,
  file: string,
  url: URL,
): Promise<Pinned | undefined> {
  const project = pages.known(exchange, pageAddress(url))?.project ?? releasesOf(file)[0]?.project
  const release = releasesOf(file).find((one) => one.project === project)
  if (release === undefined) return refuse(exchange, `${file} is no file of a release by its name`)
  if (!mayResolve(exchange, release.project)) {
    const denial = unpinned(exchange, release.project, await exchange.pins(), file)
    if (typeof denial === 'string') refuse(exchange, denial)
    else if (!denial.allow) answerPlain(exchange, 403, denial.message)
    return undefined
  }
  const operation = operationOf(exchange, 'pypi:resolve', release.project, release.version)
  const permit = await exchange.permit(operation, { pypi: { file } })
  if (!permit.allow) return answerPlain(exchange, 403, permit.message)
  const found = await pages.get(exchange, permit, release.project)
  if (!found.ok) return refuse(exchange, found.why, 502)
  const named = fileAt(found.page, url)
  if (named === undefined) return refuse(exchange, `the index does not name ${file} at this address`)
  if (named.sha256 === undefined)
    return refuse(exchange, `the index has no SHA-256 of ${file}, so nothing says what it must be`)
  const integrity = `sha256-${Buffer.from(named.sha256, 'hex').toString('base64')}`
  return { ...release, permit, integrity, by: 'registry' }
}

function fileAt({ files }: ProjectPage, url: URL): IndexFile | undefined {
  const place = placeOf(pageAddress(url).href)
  return files.find((one) => placeOf(one.url.href) === place)
}

/** The address of the file itself, whose metadata is beside it. */
function pageAddress(url: URL): URL {
  const file = new URL(url)
  file.pathname = file.pathname.replace(/\.metadata$/, '')
  return file
}

/** What a wheel requires (PEP 658): no lockfile pins it, so the index says what its digest is. */
async function serveMetadata(
  exchange: Exchange,
  pages: Pages,
  pinned: Pinned,
  file: string,
  url: URL,
): Promise<void> {
  const found = await pages.get(exchange, pinned.permit, pinned.project)
  const named = found.ok ? fileAt(found.page, url) : undefined
  if (named?.metadataSha256 === undefined)
    return answerPlain(exchange, 404, `mayfly: the index has no digest of the metadata of ${file}`)
  const integrity = `sha256-${Buffer.from(named.metadataSha256, 'hex').toString('base64')}`
  await fetchFile(exchange, pinned.permit, url, {
    purl: purlOf(pinned, `${file}.metadata`),
    isPart: true,
    what: `${file}.metadata`,
    integrity,
    by: 'registry',
  })
}

async function fetchFile(
  exchange: Exchange,
  permit: Permit,
  url: URL,
  download: Parameters<Exchange['deliver']>[1],
): Promise<void> {
  const { request, response } = exchange
  const method = request.method ?? 'GET'
  if (method === 'GET' && (await exchange.deliverKept(permit, download))) return
  // The digest is of the file itself, so it must not come in another encoding.
  const headers = { 'user-agent': request.headers['user-agent'] ?? 'mayfly', 'accept-encoding': 'identity' }
  const asked = await ask(exchange, permit, url, { method, headers })
  if (!asked.ok) return refuse(exchange, asked.why, 502)
  const { upstream } = asked
  const { statusCode = 0 } = upstream
  if (statusCode !== 200) {
    discard(upstream)
    if (statusCode === 404)
      return answerPlain(exchange, 404, `mayfly: the index does not have ${download.what}`)
    const why = refusedHint(exchange.connection, statusCode)
    return refuse(exchange, `the index answered ${statusCode}${why}`, 502)
  }
  if ((upstream.headers['content-encoding'] ?? 'identity') !== 'identity') {
    upstream.destroy()
    return refuse(exchange, 'the index sends it in an encoding that was not asked for', 502)
  }
  // A part of it could not be held against the digest.
  delete upstream.headers['accept-ranges']
  if (method === 'GET') return exchange.deliver(upstream, download)
  copyHead(upstream, response)
  discard(upstream)
  response.end()
}
