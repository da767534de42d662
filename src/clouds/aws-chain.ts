import { createHash, createHmac } from 'node:crypto'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { SignatureV4 } from '@smithy/signature-v4'

// Loaded when the first call is made: a server without AWS does not pay for it.

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** AWS's standard chain: variables, shared files, SSO, web identity, container, IMDSv2. It keeps them until they expire. */
export function standardChain(region: string): () => Promise<AwsCredentials> {
  return defaultProvider({ clientConfig: { region }, timeout: 2_000, maxRetries: 1 })
}

/** Headers of a POST with Signature Version 4 added. */
export async function signed(request: {
  readonly url: URL
  readonly service: string
  readonly region: string
  readonly credentials: AwsCredentials
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}): Promise<Record<string, string>> {
  const { url, service, region, credentials, body } = request
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 })
  const { headers } = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: {},
    headers: { ...request.headers, host: url.host },
    body,
  })
  return headers
}

/** Of Node's own SHA-256, in the shape that the signer asks for. */
class Sha256 {
  #hash
  readonly #begin

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#begin = () => (secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret)))
    this.#hash = this.#begin()
  }

  update(piece: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(piece))
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest())
  }

  reset(): void {
    this.#hash = this.#begin()
  }
}

function bytesOf(piece: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof piece === 'string') return Buffer.from(piece)
  return ArrayBuffer.isView(piece)
    ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    : Buffer.from(piece)
}
