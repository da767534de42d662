import type { IncomingMessage } from 'node:http'
import type { Job } from './job.ts'
import { urlOn } from './places.ts'
import type { Query } from './route.ts'

export function queryText(query: Query): string {
  const text = new URLSearchParams(query).toString()
  return text === '' ? '' : `?${text}`
}

/** The next page of a list (RFC 8288), as a place of the same list on our side; a link to anywhere else is left out. */
export function linkOf({ exchange, memory }: Job, { headers }: IncomingMessage): string | undefined {
  const { connection, path } = exchange
  const { link } = headers
  const target = /^<([^<>\s]{1,2048})>\s*;\s*rel="?next"?$/.exec(typeof link === 'string' ? link : '')?.[1]
  const here = urlOn(connection, path)
  if (target === undefined || !URL.canParse(target, here)) return undefined
  const { host, pathname, searchParams } = new URL(target, here)
  if (pathname !== here.pathname || host !== here.host) return undefined
  const query = Object.fromEntries(searchParams)
  memory.pages.add(path, [queryText(query)])
  return `<${pathname}${queryText(query)}>; rel="next"`
}
