import type { ServerResponse } from 'node:http'
import { PassThrough, type Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { MayflyError, messageOf } from '../lib/index.ts'
import { cutRange } from './byte-range.ts'
import type { PinnedBy } from './downloads/recorded.ts'
import type { Download } from './exchange.ts'
import { settlingBody, verifyingBody } from './verified-body.ts'

const saidBy: Record<PinnedBy, string> = {
  lockfile: 'the lockfile pins',
  digest: 'its digest names',
  registry: 'the registry says',
  signature: 'the registry signed',
  sumdb: 'the checksum database has',
  none: 'was expected',
}

/**
 * Passes the body of an answer on to the step, whose head stands, while it is held against its digest; on another one the connection is cut before
 * its last bytes and `refuse` is told why; and so where `settle`, which is told the SHA-256 in hex of what would pass, throws `denied`.
 * Returns how many bytes passed, once they are whole. Throws `upstream_unreachable` if it breaks off.
 */
export async function deliver(
  upstream: Readable,
  response: ServerResponse,
  download: Download,
  refuse: (reason: string) => void,
  settle?: (sha256: string) => Promise<void>,
): Promise<number | undefined> {
  const { range } = download
  const checked = checkOf(download)
  const settled = settle === undefined ? new PassThrough() : settlingBody(settle)
  let bytes = 0
  upstream.on('data', (chunk: Buffer) => (bytes += chunk.length))
  try {
    if (range === undefined) await pipeline(upstream, checked, settled, response)
    else {
      response.statusCode = 206
      response.setHeader('content-range', `bytes ${range.first}-${range.last}/${range.size}`)
      response.setHeader('content-length', range.last - range.first + 1)
      await pipeline(upstream, checked, settled, cutRange(range), response)
    }
    return bytes
  } catch (error) {
    response.destroy()
    if (!(error instanceof MayflyError))
      throw new MayflyError('upstream_unreachable', messageOf(error), { cause: error })
    refuse(error.message)
    return undefined
  }
}

function checkOf({ what, integrity, by = 'lockfile' }: Download): Transform {
  if (integrity === undefined) return new PassThrough()
  return typeof integrity === 'string' ? verifyingBody(what, integrity, saidBy[by]) : integrity.body
}
