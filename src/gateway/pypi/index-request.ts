import { normalizedVersion, type Pins } from '../../lockfiles/index.ts'
import type { Operation } from '../../policy/index.ts'
import type { Exchange, Permission } from '../exchange.ts'
import { answerPlain, refuse } from './answer.ts'
import type { Pages } from './pages.ts'
import type { IndexFile, ProjectPage } from './project-page.ts'
import { pinnedFile } from './release-file.ts'
import type { Route } from './route.ts'
import { writePage } from './write-page.ts'

/**
 * The page of a project: of one that is pinned the files that are, so that a tool finds nothing else; under a grant to resolve
 * all of them. Only files on the connection and its storage hosts are on it.
 */
export async function serveIndex(
  exchange: Exchange,
  pages: Pages,
  { project }: Extract<Route, { kind: 'index' }>,
): Promise<void> {
  const pins = await exchange.pins()
  const permit = await permitProject(exchange, project, pins)
  if (typeof permit === 'string') return refuse(exchange, permit)
  if (!permit.allow) return answerPlain(exchange, 403, permit.message)
  const fetched = await pages.fetch(exchange, permit, project)
  if (!fetched.ok && fetched.status === 404) return answerPlain(exchange, 404, `mayfly: ${fetched.why}`)
  if (!fetched.ok) return refuse(exchange, fetched.why, 502)
  const { page } = fetched
  const wanted = mayResolve(exchange, project)
    ? page.files
    : page.files.filter((file) => pins !== undefined && isPinned(pins, file))
  const files = wanted.filter(({ url }) => isReached(exchange.connection, url))
  const lost = wanted.find(({ url }) => !isReached(exchange.connection, url))
  if (files.length === 0 && lost !== undefined) return refuse(exchange, whereLost(exchange, lost), 502)
  if (pins !== undefined && !mayResolve(exchange, project)) recordSwapped(exchange, pins, project, page.files)
  sendPage(exchange, { ...page, files })
}

/** Whether the role may have of the project whatever the index has. */
export function mayResolve(exchange: Exchange, project: string): boolean {
  return exchange.would(operationOf(exchange, 'pypi:resolve', project), { anyRef: true })
}

export function operationOf(
  { connection }: Exchange,
  action: string,
  path: string,
  version?: string,
): Operation {
  const ref = version === undefined ? {} : { ref: normalizedVersion(version) }
  return { action, connection: connection.name, path, ...ref }
}

/** May the step ask for this name at all? A name that was asked for is a message that was sent. */
export async function permitProject(
  exchange: Exchange,
  project: string,
  pins: Pins | undefined,
): Promise<Permission | string> {
  const [first, ...others] = pins?.all('pypi', project) ?? []
  if (first !== undefined && pins !== undefined) {
    const operations = [first, ...others].map(({ version }) =>
      operationOf(exchange, 'pypi:install', project, version),
    )
    const operation = operations.find((one) => exchange.would(one, { granted: true })) ?? operations[0]
    if (operation !== undefined) return exchange.permitPinned(operation, pins)
  }
  if (mayResolve(exchange, project))
    return exchange.permit(operationOf(exchange, 'pypi:resolve', project), {}, { anyRef: true })
  return unpinned(exchange, project, pins, project)
}

/** Whether the role may install at all comes before what is missing for it. */
export function unpinned(
  exchange: Exchange,
  project: string,
  pins: Pins | undefined,
  what: string,
): Permission | string {
  const install = operationOf(exchange, 'pypi:install', project)
  const denial = exchange.would(install, { anyRef: true }) ? undefined : exchange.precheck(install)
  if (denial !== undefined) return denial
  const why =
    pins === undefined
      ? 'the workspace has no lockfile with hashes (requirements.txt, uv.lock, poetry.lock, pdm.lock, Pipfile.lock or pylock.toml)'
      : `the run's lockfile does not pin ${what}${pins.unreadAbout(project)}`
  return `${why}: pin it there, or grant "pypi:resolve ${exchange.connection.name}" to a step that adds dependencies`
}

/** pip says of them only that there are none; whether the index has other bytes now, or the lockfile is wrong, somebody must ask. */
function recordSwapped(exchange: Exchange, pins: Pins, project: string, files: readonly IndexFile[]): void {
  const of = (file: IndexFile) => pinnedFile(pins, file.filename)?.version
  const kept = new Set(files.filter((file) => isPinned(pins, file)).map(of))
  const swapped = new Set(files.map(of).filter((version) => version !== undefined && !kept.has(version)))
  for (const version of swapped)
    exchange.deny(
      `pypi:install ${exchange.connection.name}/${project}@${version}`,
      'no file that the index has of it has a hash that the lockfile pins: if the lockfile was right once, find out why its files were changed; otherwise renew it',
    )
}

function isPinned(pins: Pins, { filename, sha256 }: IndexFile): boolean {
  const pinned = pinnedFile(pins, filename)
  // Of a file that the lockfile names, a changed digest is refused where it is fetched, and said there.
  if (pinned === undefined || pinned.isNamed || sha256 === undefined) return pinned !== undefined
  const { integrity = '' } = pinned
  const digest = `sha256-${Buffer.from(sha256, 'hex').toString('base64')}`
  return !integrity.includes('sha256-') || integrity.split(' ').includes(digest)
}

function isReached({ host, port, tls, basePath, storage = [] }: Exchange['connection'], url: URL): boolean {
  const isAt = (one: { host: string; port: number }, usual: number) =>
    url.hostname === one.host && Number(url.port === '' ? usual : url.port) === one.port
  if (url.protocol === (tls ? 'https:' : 'http:') && isAt({ host, port }, tls ? 443 : 80))
    return url.pathname.startsWith(`${basePath}/`)
  return url.protocol === 'https:' && storage.some((one) => isAt(one, 443))
}

function whereLost({ connection }: Exchange, { url }: IndexFile): string {
  return url.hostname === connection.host
    ? `its files are at ${url.pathname.slice(0, 200)}, outside of the URL of connection "${connection.name}"`
    : `its files are at ${url.host}: add to connection "${connection.name}" in mayfly.yaml: storage: ["${url.host}"]`
}

function sendPage({ request, response }: Exchange, page: ProjectPage): void {
  const { type, body } = writePage(page, request.headers.accept ?? '')
  response.writeHead(200, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    // What is on it depends on the step.
    'cache-control': 'no-store',
    vary: 'accept',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}
