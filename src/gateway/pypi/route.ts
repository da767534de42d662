import { isPythonFile, normalizedProject } from '../../lockfiles/index.ts'

/** What a request is about. Names of projects are normalised. */
export type Route =
  | { readonly kind: 'index'; readonly project: string }
  /** `isMetadata`: not the file, but what is cut out of it (PEP 658). */
  | { readonly kind: 'file'; readonly file: string; readonly isMetadata: boolean }
  /** Of one project: PyPI's own JSON, which poetry reads, or a file's provenance (PEP 740). */
  | { readonly kind: 'about'; readonly project: string }
  | { readonly kind: 'upload' }
  | { readonly kind: 'mint' }

const projectForm = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/

/** The route of a plain path; undefined if it is none that an index has. */
export function routeOf(method: string, path: string, isStorage: boolean): Route | undefined {
  if (method === 'POST' && !isStorage)
    return path === '/' || path === '/legacy/' ? { kind: 'upload' } : mintOf(path)
  if (method !== 'GET' && method !== 'HEAD') return undefined
  const route = isStorage ? undefined : (indexOf(path) ?? aboutOf(path) ?? mintOf(path))
  return route ?? fileOf(path) ?? (isStorage ? undefined : rootOf(path))
}

function indexOf(path: string): Route | undefined {
  const name = /^\/\+?simple\/([^/]+)\/?$/.exec(path)?.[1]
  return name === undefined || !projectForm.test(name)
    ? undefined
    : { kind: 'index', project: normalizedProject(name) }
}

/** A page of an index whose pages are right below the connection's URL. */
function rootOf(path: string): Route | undefined {
  const name = /^\/([^/]+)\/$/.exec(path)?.[1] ?? ''
  return projectForm.test(name) && !['simple', 'legacy', 'pypi', 'integrity'].includes(name)
    ? { kind: 'index', project: normalizedProject(name) }
    : undefined
}

function aboutOf(path: string): Route | undefined {
  const name =
    /^\/pypi\/([^/]+)\/(?:[^/]+\/)?json$/.exec(path)?.[1] ??
    /^\/integrity\/([^/]+)\/[^/]+\/[^/]+\/provenance$/.exec(path)?.[1]
  return name === undefined || !projectForm.test(name)
    ? undefined
    : { kind: 'about', project: normalizedProject(name) }
}

function fileOf(path: string): Route | undefined {
  const last = path.slice(path.lastIndexOf('/') + 1).replaceAll(/%2b/gi, '+')
  const isMetadata = last.endsWith('.metadata')
  const file = isMetadata ? last.slice(0, -'.metadata'.length) : last
  return isPythonFile(file) ? { kind: 'file', file, isMetadata } : undefined
}

function mintOf(path: string): Route | undefined {
  return /^\/_\/oidc\/(?:audience|(?:[a-z]+\/)?mint-token)$/.test(path) ? { kind: 'mint' } : undefined
}
