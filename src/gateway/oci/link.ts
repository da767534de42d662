import type { IncomingMessage } from 'node:http'
import { nextQuery } from '../../images/index.ts'
import type { Job } from './job.ts'
import { urlOn } from './places.ts'

/** The next page of a list (RFC 8288), as a place of the same list on our side; a link to anywhere else is left out. */
export function linkOf({ exchange, memory }: Job, { headers }: IncomingMessage): string | undefined {
  const { connection, path } = exchange
  const here = urlOn(connection, path)
  const query = nextQuery(headers['link'], here)
  if (query === undefined) return undefined
  memory.pages.add(path, [query])
  return `<${here.pathname}${query}>; rel="next"`
}
