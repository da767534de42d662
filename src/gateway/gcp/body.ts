import type { Readable } from 'node:stream'
import { collect } from '../collect.ts'
import { hasBody, type Exchange } from '../exchange.ts'
import { readPlainJson } from '../../lib/index.ts'
import type { Body } from './json-storage.ts'

/** What was read of a body, and all of it, to be sent on. */
export interface ReadBody {
  readonly says: Body
  readonly body: Buffer | Readable | undefined
  /** Where they are others than those that came: then its length is another, too. */
  readonly headers?: Readonly<Record<string, string>>
}

const maxJsonBytes = 1_048_576

export async function readJsonBody({ request }: Exchange): Promise<ReadBody | string> {
  if (!hasBody(request)) return { says: {}, body: undefined }
  if (request.headers['content-encoding'] !== undefined)
    return 'its body is compressed, and cannot be read here'
  const body = await collect(request, maxJsonBytes)
  if (body === undefined) return `its body is over ${maxJsonBytes} bytes, or breaks off`
  if (body.length === 0) return { says: {}, body: undefined }
  const says = readPlainJson(body)
  return typeof says === 'string' ? says : { says, body }
}
