import { MayflyError, limits } from '../../lib/index.ts'
import { discard, type Exchange, type Permit } from '../exchange.ts'
import { follow } from '../follow.ts'
import { isAbsent } from './answer.ts'

/**
 * SHA-256 in hex of each version of a gem, by `VERSION[-PLATFORM]`, as the compact index says now: a line is
 * `VERSION DEPENDENCIES|checksum:HEX,ruby:...`. Empty where there is no such gem. Throws `denied`.
 */
export async function checksumsOf(
  exchange: Exchange,
  permit: Permit,
  gem: string,
): Promise<ReadonlyMap<string, string | undefined>> {
  const upstream = await follow(exchange, permit, `/info/${gem}`)
  if (isAbsent(upstream)) {
    discard(upstream)
    return new Map()
  }
  if (upstream.statusCode !== 200) {
    discard(upstream)
    throw new MayflyError('denied', `the registry’s index answered ${upstream.statusCode}`)
  }
  const bytes = await exchange.read(upstream, limits.cargoIndexBytes)
  if (bytes === undefined)
    throw new MayflyError(
      'denied',
      `the registry broke off, or its index is over ${limits.cargoIndexBytes} bytes`,
    )
  return readInfo(bytes.toString('utf8'))
}

/** What is said twice of one version with two checksums has none. */
export function readInfo(text: string): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>()
  for (const line of text.split('\n')) {
    const written = /^([0-9][0-9A-Za-z._-]{0,199})(?: |$)/.exec(line)?.[1]
    if (written === undefined) continue
    const about = line.slice(line.indexOf('|') + 1)
    const hex = /(?:^|,)checksum:([0-9a-f]{64})(?:,|$)/.exec(about)?.[1]
    found.set(written, found.has(written) && found.get(written) !== hex ? undefined : hex)
  }
  return found
}
