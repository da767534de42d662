import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { MayflyError, messageOf } from '../lib/index.ts'
import { copyHead, type Download } from './exchange.ts'
import { verifyingBody } from './verified-body.ts'

/**
 * Passes an upstream's answer on to the step while it is held against its digest; on another one the connection is cut before
 * its last bytes and `refuse` is told why. Throws `upstream_unreachable` if the upstream breaks off.
 */
export async function deliver(
  upstream: IncomingMessage,
  response: ServerResponse,
  download: Download,
  refuse: (reason: string) => void,
): Promise<void> {
  copyHead(upstream, response)
  try {
    await pipeline(upstream, verifyingBody(download.what, download.integrity), response)
  } catch (error) {
    response.destroy()
    if (!(error instanceof MayflyError))
      throw new MayflyError('upstream_unreachable', messageOf(error), { cause: error })
    refuse(error.message)
  }
}
