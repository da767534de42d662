import { MayflyError, limits } from '../../lib/index.ts'
import { discard, keepOnly, pickHeaders, type Exchange, type Permit } from '../exchange.ts'
import { follow } from '../follow.ts'
import { isAbsent, passFailure } from './answer.ts'
import { jsonOf } from './registry.ts'
import { indexPath } from './route.ts'

/** What the index says of a crate, as it is: cargo reads it line by line, and only what it can. */
export async function passIndex(exchange: Exchange, permit: Permit): Promise<void> {
  const { request, path } = exchange
  const conditions = pickHeaders(request, ['if-none-match', 'if-modified-since'])
  const upstream = await follow(exchange, permit, path, conditions)
  if (upstream.statusCode !== 200 && upstream.statusCode !== 304) return passFailure(exchange, upstream)
  keepOnly(upstream, ['content-length', 'etag', 'last-modified'])
  await exchange.relay(upstream, { 'content-type': 'text/plain; charset=utf-8' })
}

/** A version in the index: one line of JSON. */
export interface IndexedVersion {
  readonly name: string
  /** SHA-256 of its file in hex. */
  readonly cksum: string
}

/** What the index says of one version, asked for now; undefined if there is no such. Throws `denied`. */
export async function indexed(
  exchange: Exchange,
  permit: Permit,
  crate: string,
  isMeant: (version: string) => boolean,
): Promise<IndexedVersion | undefined> {
  const upstream = await follow(exchange, permit, indexPath(crate))
  if (isAbsent(upstream)) {
    discard(upstream)
    return undefined
  }
  if (upstream.statusCode !== 200) {
    discard(upstream)
    throw new MayflyError('denied', `the registry’s index answered ${upstream.statusCode}`)
  }
  const bytes = await exchange.read(upstream, limits.cargoIndexBytes)
  if (bytes === undefined) throw tooLong()
  for (const line of bytes.toString('utf8').split('\n')) {
    if (line.length > maxLineChars) continue
    const { name, vers, cksum } = jsonOf(line)
    if (typeof name !== 'string' || name.toLowerCase() !== crate) continue
    if (typeof vers !== 'string' || !isMeant(vers)) continue
    return {
      name,
      cksum: typeof cksum === 'string' && /^[0-9a-f]{64}$/i.test(cksum) ? cksum.toLowerCase() : '',
    }
  }
  return undefined
}

/** The longest at crates.io have near 100,000. */
const maxLineChars = 1_048_576

function tooLong(): MayflyError {
  return new MayflyError(
    'denied',
    `the registry broke off, or its index is over ${limits.cargoIndexBytes} bytes`,
  )
}
