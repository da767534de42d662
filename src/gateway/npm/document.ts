import type { IncomingMessage } from 'node:http'
import { ask, isElsewhere, ownAddress } from '../ask.ts'
import { discard, refusedHint, type Exchange, type Permit } from '../exchange.ts'
import { packumentPath } from './route.ts'

/** The largest that is looked into; full documents of packages with thousands of versions have more, and clients ask for the short ones. */
const maxBytes = 24 * 1_048_576

export const short = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8'
/** With the time of each version. */
export const full = 'application/json'

/** A package's document as its registry has it; or the status for the step, and why there is none. */
export type Fetched =
  | { readonly ok: true; readonly upstream: IncomingMessage; readonly text: Buffer }
  | { readonly ok: false; readonly status: 404 | 502; readonly why: string }

/** Asks a registry for a package's document, and goes where it sends on to on its own host. */
export async function fetchDocument(
  exchange: Exchange,
  permit: Permit,
  name: string,
  { accept, agent = 'npm' }: { readonly accept: string; readonly agent?: string },
): Promise<Fetched> {
  const { connection } = exchange
  const asked = await ask(exchange, permit, ownAddress(connection, packumentPath(name)), {
    method: 'GET',
    headers: { accept, 'user-agent': agent, 'accept-encoding': 'gzip' },
  })
  if (!asked.ok) return { ok: false, status: isElsewhere(asked, connection) ? 404 : 502, why: asked.why }
  const { upstream } = asked
  const { statusCode = 0 } = upstream
  if (statusCode !== 200) {
    discard(upstream)
    if (statusCode === 404) return { ok: false, status: 404, why: `the registry does not have ${name}` }
    return {
      ok: false,
      status: 502,
      why: `the registry answered ${statusCode}${refusedHint(connection, statusCode)}`,
    }
  }
  const text = await exchange.read(upstream, maxBytes)
  if (text !== undefined) return { ok: true, upstream, text }
  return { ok: false, status: 502, why: `what the registry says of ${name} is over ${maxBytes} bytes` }
}
