import { limits } from '../../lib/index.ts'
import { placeOf } from '../../lockfiles/index.ts'
import { discard, refusedHint, type Exchange, type Permit } from '../exchange.ts'
import { ask, isElsewhere, ownAddress } from '../ask.ts'
import { readPage, type IndexFile, type ProjectPage } from './project-page.ts'

/** Pages of projects as an index gave them to a step: by them the step's later requests for files are judged. */
export interface Pages {
  /** Asks the index for it. */
  fetch(exchange: Exchange, permit: Permit, project: string): Promise<Fetched>
  /** As it was fetched before in this step, or now. */
  get(exchange: Exchange, permit: Permit, project: string): Promise<Fetched>
  /** A file by its address, on a page that was fetched. */
  known(exchange: Exchange, url: URL): { readonly project: string; readonly file: IndexFile } | undefined
}

export type Fetched =
  | { readonly ok: true; readonly page: ProjectPage }
  | { readonly ok: false; readonly status: number; readonly why: string }

const accept =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1'
/** Files of all pages that are remembered of one step; the oldest page goes first, and is asked for again if it is needed. */
const maxFiles = 100_000

/** Where an index may have its pages below the connection's URL: by PEP 503 anywhere, by devpi in the second, PyTorch's in the last. */
const roots = ['/simple/', '/+simple/', '/'] as const
type Root = (typeof roots)[number]

interface Memory {
  readonly pages: Map<string, ProjectPage>
  readonly byAddress: Map<string, { readonly project: string; readonly file: IndexFile }>
  /** Where pages are on this index, once one was found. */
  root: Root | undefined
}

export function createPages(): Pages {
  const memories = new WeakMap<object, Map<string, Memory>>()

  function of({ ofStep, connection }: Exchange): Memory {
    const ofStepsIndexes = memories.get(ofStep) ?? new Map<string, Memory>()
    memories.set(ofStep, ofStepsIndexes)
    const key = `${connection.name} ${connection.url}`
    const known = ofStepsIndexes.get(key) ?? { pages: new Map(), byAddress: new Map(), root: undefined }
    ofStepsIndexes.set(key, known)
    return known
  }

  function remember(memory: Memory, page: ProjectPage): void {
    forget(memory, page.project)
    memory.pages.set(page.project, page)
    for (const file of page.files) memory.byAddress.set(keyOf(file.url), { project: page.project, file })
    for (const project of memory.pages.keys()) {
      if (memory.byAddress.size <= maxFiles || project === page.project) break
      forget(memory, project)
    }
  }

  return {
    async fetch(exchange, permit, project) {
      const memory = of(exchange)
      const fetchAt = async (root: Root) => {
        const fetched = await fetchPage(exchange, permit, project, `${root}${project}/`)
        if (!fetched.ok) return fetched
        // What stands at the host's own root may be any page: /help/ of pypi.org is no project.
        if (root === '/' && fetched.page.files.length === 0) return absent(exchange, project)
        memory.root = root
        remember(memory, fetched.page)
        return fetched
      }
      if (memory.root !== undefined) return fetchAt(memory.root)
      let first: Fetched | undefined
      for (const root of roots) {
        const fetched = await fetchAt(root)
        first ??= fetched
        if (fetched.ok || (root === '/simple/' && !isAbsent(exchange, fetched))) return fetched
      }
      return first ?? absent(exchange, project)
    },
    async get(exchange, permit, project) {
      const page = of(exchange).pages.get(project)
      return page === undefined ? this.fetch(exchange, permit, project) : { ok: true, page }
    },
    known: (exchange, url) => of(exchange).byAddress.get(keyOf(url)),
  }
}

/** A folder of files that anybody may read often says 403 of what it does not have. */
function isAbsent({ connection }: Exchange, { status }: { readonly status: number }): boolean {
  return status === 404 || (status === 403 && connection.credential === undefined)
}

function absent({ connection }: Exchange, project: string): Fetched {
  return { ok: false, status: 404, why: whyNot(connection, project, 404) }
}

/** `+` may be written `%2B`. */
function keyOf({ href }: URL): string {
  return placeOf(href) ?? href
}

function forget(memory: Memory, project: string): void {
  for (const { url } of memory.pages.get(project)?.files ?? []) memory.byAddress.delete(keyOf(url))
  memory.pages.delete(project)
}

async function fetchPage(
  exchange: Exchange,
  permit: Permit,
  project: string,
  path: string,
): Promise<Fetched> {
  const { connection, request } = exchange
  const agent = request.headers['user-agent'] ?? 'mayfly'
  const headers = { accept, 'accept-encoding': 'identity', 'user-agent': agent }
  const asked = await ask(exchange, permit, ownAddress(connection, path), { method: 'GET', headers })
  if (!asked.ok) return { ok: false, status: isElsewhere(asked, connection) ? 404 : 502, why: asked.why }
  const { upstream, url } = asked
  const { statusCode = 0 } = upstream
  if (statusCode !== 200) {
    discard(upstream)
    const status = isAbsent(exchange, { status: statusCode }) ? 404 : statusCode
    return { ok: false, status, why: whyNot(connection, project, status) }
  }
  const text = await exchange.read(upstream, limits.indexPageBytes)
  if (text === undefined)
    return { ok: false, status: 502, why: `the page of ${project} is over ${limits.indexPageBytes} bytes` }
  const page = readPage(project, text.toString('utf8'), upstream.headers['content-type'] ?? '', url)
  if (page === undefined)
    return {
      ok: false,
      status: 502,
      why: `connection "${connection.name}" answers with no page of an index (PEP 503)`,
    }
  return {
    ok: true,
    page: { ...page, files: page.files.map((file) => ({ ...file, url: ownScheme(connection, file.url) })) },
  }
}

function whyNot(connection: Exchange['connection'], project: string, status: number): string {
  const { name } = connection
  if (status === 404) return `the index of connection "${name}" does not have ${project}`
  return status === 401 || status === 403
    ? `the index refused the credential of connection "${name}" (${status})${refusedHint(connection, status)}`
    : `the index of connection "${name}" answered ${status}`
}

/** An index behind a proxy often believes that it is reached by http://: its host and path count, the connection is ours. */
function ownScheme({ url: own, host }: Exchange['connection'], url: URL): URL {
  const { protocol, port } = new URL(own)
  const isOwn = url.hostname === host && url.protocol === 'http:' && (url.port === '' || url.port === port)
  if (!isOwn || protocol === 'http:') return url
  return new URL(`${protocol}//${url.hostname}${port === '' ? '' : `:${port}`}${url.pathname}${url.search}`)
}
