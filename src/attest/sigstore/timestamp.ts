import { createHash } from 'node:crypto'
import { der } from '../../der/index.ts'
import { post, type Service } from './services.ts'

const sha256 = der.sequence(der.oid('2.16.840.1.101.3.4.2.1'), der.nothing)

/**
 * A timestamp over these bytes: the authority's answer in DER (RFC 3161; `POST /api/v1/timestamp`). Without a nonce: the bytes are a
 * signature that was just made, and nobody can have a timestamp of it from before.
 */
export async function requestTimestamp(authority: Service, bytes: Uint8Array): Promise<Buffer> {
  const imprint = der.sequence(sha256, der.octets(createHash('sha256').update(bytes).digest()))
  const query = der.sequence(der.integer(1), imprint, der.boolean(true))
  const answer = await post(authority, '/api/v1/timestamp', {
    ...{ type: 'application/timestamp-query', accept: 'application/timestamp-reply', bytes: query },
  })
  return answer.body
}
