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
  const here = urlOn(connection, path)
  const query = nextQuery(headers, here)
  if (query === undefined) return undefined
  memory.pages.add(path, [query])
  return `<${here.pathname}${query}>; rel="next"`
}

/** What to ask the same place for, to get its next page. */
export function nextQuery({ link }: IncomingMessage['headers'], here: URL): string | undefined {
  const target = /^<([^<>\s]{1,2048})>\s*;\s*rel="?next"?$/.exec(typeof link === 'string' ? link : '')?.[1]
  if (target === undefined || !URL.canParse(target, here)) return undefined
  const { host, pathname, searchParams } = new URL(target, here)
  return pathname === here.pathname && host === here.host
    ? queryText(Object.fromEntries(searchParams))
    : undefined
}
