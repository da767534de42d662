import type { IncomingHttpHeaders } from 'node:http'
import type { Target } from './target.ts'

/** Parameters and headers that say which project is meant, or pays (Cloud APIs, "System parameters"), in both spellings of names. */
const parameters: ReadonlySet<string> = new Set(['project', 'projectid', 'userproject', 'quotaproject'])
const headers = ['x-goog-user-project', 'x-goog-project-id', 'x-goog-quota-project'] as const

/** Why a request is refused that names another project than its connection's. */
export function otherProject(
  project: string,
  { query }: Target,
  given: IncomingHttpHeaders,
): string | undefined {
  const own = new Set([project, `projects/${project}`])
  const ofQuery = query.find(([name, value = '']) => {
    const plain = name.replaceAll(/[^A-Za-z]/g, '').toLowerCase()
    const isOfProject = plain === 'parent' && /^projects\/(?!-(?:\/|$))/.test(value)
    if (isOfProject) return !own.has(value.split('/', 2).join('/'))
    return parameters.has(plain) && !own.has(value)
  })
  const ofHeader = headers.find((name) => given[name] !== undefined && !own.has(String(given[name])))
  const found = ofQuery?.[0] ?? ofHeader
  return found === undefined
    ? undefined
    : `its "${found.slice(0, 60)}" is another project than that of the connection (${project}): each project is a connection of its own`
}
