import { createHash, createHmac } from 'node:crypto'
import type { TestContext } from 'node:test'
import { SignatureV4 } from '@smithy/signature-v4'
import { MayflyError } from '../../lib/index.ts'
import { awsStandIn } from '../../kinds/index.ts'
import { compileRules, openWorld, request, type Answer, type World } from '../gateway.fixture.ts'
import { startUpstream, type Seen, type Upstream } from '../upstream.fixture.ts'

export const failsWith = (message: RegExp) => (error: unknown) =>
  error instanceof MayflyError && error.code === 'bad_input' && message.test(error.message)

/** Of Node's own SHA-256, in the shape that the other implementation asks for. */
export class Hash {
  readonly #hash
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret))
  }
  update(piece: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(piece))
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
  reset(): void {
    throw new Error('not used here')
  }
}

function bytesOf(piece: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof piece === 'string') return Buffer.from(piece)
  return ArrayBuffer.isView(piece)
    ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    : Buffer.from(piece)
}

export interface Asking {
  readonly method?: string
  readonly host: string
  /** As it is written in the request, with its query. */
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly service?: string
  readonly region?: string
  readonly id?: string
  readonly secret?: string
  readonly at?: Date
}

/** A request that AWS's own signer for JavaScript has signed. */
export async function signedRequest(asking: Asking): Promise<Buffer> {
  const { method = 'GET', host, path = '/', body = '', service = 's3', region = 'eu-west-1' } = asking
  const { id, secret } = { ...awsStandIn('prod'), ...asking }
  const [pathname = '', query = ''] = path.split('?')
  const { headers } = await signerOf(service, region, { accessKeyId: id, secretAccessKey: secret }).sign(
    {
      ...{ method, protocol: 'https:', hostname: host, path: pathname, body },
      headers: { host, ...asking.headers },
      query: queryOf(query),
    },
    { signingDate: asking.at ?? new Date() },
  )
  return request(method, path, { host, headers, ...(body === '' ? {} : { body }) })
}

/** A presigned URL, asked for without anything else. */
export async function presignedRequest(asking: Asking): Promise<Buffer> {
  const { method = 'GET', host, path = '/', service = 's3', region = 'eu-west-1' } = asking
  const { id, secret } = { ...awsStandIn('prod'), ...asking }
  const { query = {} } = await signerOf(service, region, {
    accessKeyId: id,
    secretAccessKey: secret,
  }).presign(
    {
      ...{ method, protocol: 'https:', hostname: host, path, query: {} },
      headers: { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    },
    {
      unhoistableHeaders: new Set(['x-amz-content-sha256']),
      unsignableHeaders: new Set(['x-amz-content-sha256']),
    },
  )
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
  return request(method, `${path}?${pairs.join('&')}`, { host })
}

/** A body in chunks of 64 KiB, each signed (Amazon S3, "Transferring a payload in multiple chunks"). */
export async function chunkedRequest(asking: Asking): Promise<Buffer> {
  const { body = '' } = asking
  const payload = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
  const head = String(
    await signedRequest({
      ...asking,
      body: '',
      headers: { 'x-amz-content-sha256': payload, 'x-amz-decoded-content-length': String(body.length) },
    }),
  )
  const sign = chunkSigner(head, awsStandIn('prod').secret)
  const pieces = [...(body.match(/.{1,65536}/gs) ?? []), '']
  const chunks = pieces
    .map((one) => `${one.length.toString(16)};chunk-signature=${sign(one)}\r\n${one}\r\n`)
    .join('')
  return Buffer.from(`${head.replace('\r\n\r\n', `\r\ncontent-length: ${chunks.length}\r\n\r\n`)}${chunks}`)
}

/** What is in the chunks, once the signature of each was held against the key. */
export async function readChunks({ headers, body }: Seen, secret: string): Promise<string> {
  const sign = chunkSigner(
    `authorization: ${headers.authorization}\r\nx-amz-date: ${String(headers['x-amz-date'])}\r\n`,
    secret,
  )
  const found = [...body.toString('latin1').matchAll(/([0-9a-f]+);chunk-signature=(\w+)\r\n(x*)\r\n/g)]
  for (const [, size, signature, data = ''] of found)
    if (signature !== sign(data) || size !== data.length.toString(16))
      throw new Error('a chunk is signed wrongly')
  return found.map(([, , , data]) => data).join('')
}

function chunkSigner(head: string, secret: string): (data: string) => string {
  const [, scope = '', seed = ''] = /Credential=\w+\/(\S+?),[^]*Signature=(\w+)/.exec(head) ?? []
  const time = /x-amz-date: (\w+)/.exec(head)?.[1] ?? ''
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  const key = scope
    .split('/')
    .reduce<Buffer>(
      (one, part) => createHmac('sha256', one).update(part).digest(),
      Buffer.from(`AWS4${secret}`),
    )
  let last = seed
  return (data) => {
    const text = ['AWS4-HMAC-SHA256-PAYLOAD', time, scope, last, hash(''), hash(data)].join('\n')
    last = createHmac('sha256', key).update(text).digest('hex')
    return last
  }
}

export function signerOf(
  service: string,
  region: string,
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string },
): SignatureV4 {
  const isS3 = service === 's3'
  return new SignatureV4({
    ...{ service, region, credentials, sha256: Hash, uriEscapePath: !isS3, applyChecksum: isS3 },
  })
}

function queryOf(text: string): Record<string, string> {
  const pairs = text.split('&').filter((one) => one !== '')
  return Object.fromEntries(
    pairs.map((one) => {
      const [name = '', value = ''] = one.split('=').map(decodeURIComponent)
      return [name, value]
    }),
  )
}

/** Whether the other implementation makes the same signature of what came, by this secret: the request is the signer's, to the letter. */
export async function isSignedWith(
  seen: Seen,
  accessKeyId: string,
  secretAccessKey: string,
): Promise<boolean> {
  const { method, url, headers, body } = seen
  const [, scope = '', names = '', signature] =
    /Credential=\S+?\/(\S+), SignedHeaders=(\S+), Signature=(\w+)/.exec(headers.authorization ?? '') ?? []
  const [, region = '', service = ''] = scope.split('/')
  const [path = '', query = ''] = url.split('?')
  const listed = names.split(';')
  const time = String(headers['x-amz-date'])
  const { headers: again } = await signerOf(service, region, { accessKeyId, secretAccessKey }).sign(
    {
      ...{ method, protocol: 'https:', hostname: String(headers.host), path, body },
      headers: Object.fromEntries(listed.map((name) => [name, String(headers[name])])),
      query: queryOf(query),
    },
    {
      signingDate: new Date(time.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5')),
      signableHeaders: new Set(listed),
    },
  )
  return String(again['authorization']).endsWith(`Signature=${signature}`)
}

export interface AwsWorld extends World {
  readonly aws: Upstream
  /** Signs and asks, on the host that it names. */
  askAws(asking: Asking): Promise<Answer>
  /** What came last, once its signature was held against the connection's key. */
  lastSeen(): Promise<Seen>
}

export const hosts = {
  s3: 's3.eu-west-1.amazonaws.com',
  bucket: 'releases.s3.eu-west-1.amazonaws.com',
  ecs: 'ecs.eu-west-1.amazonaws.com',
  sts: 'sts.eu-west-1.amazonaws.com',
  ecr: 'api.ecr.eu-west-1.amazonaws.com',
  lambda: 'lambda.eu-west-1.amazonaws.com',
  iam: 'iam.amazonaws.com',
  accessPoint: 'x-123456789012.s3-accesspoint.eu-west-1.amazonaws.com',
  api: 'abc123.execute-api.eu-west-1.amazonaws.com',
}

const others = [
  ...['cloudformation', 'codebuild', 'codedeploy', 'dynamodb', 'eks', 'kinesis', 'kms', 'logs', 'monitoring'],
  ...['secretsmanager', 'sns', 'sqs', 'ssm', 'states'],
]

/** Two accounts of AWS on one fake AWS, whose keys are `injected` and `for-prod`, and `for-lab`. */
export async function openAws(t: TestContext, grants: readonly string[]): Promise<AwsWorld> {
  const world = await openWorld(t)
  const aws = await startUpstream(t, [
    ...Object.values(hosts),
    'eu-west-1.queue.amazonaws.com',
    ...others.map((one) => `${one}.eu-west-1.amazonaws.com`),
  ])
  const place = {
    ...{ kind: 'aws', account: '123456789012', regions: ['eu-west-1'], ca: aws.ca },
    ...{ dial: `127.0.0.1:${aws.port}`, credential: { basic: 'secret:aws' } },
  }
  const rules = compileRules({ prod: place, lab: { ...place, account: '210987654321' } }, [
    ...grants,
    'aws:read lab/s3:GetObject/lab/*',
  ])
  world.setTargets(rules.targets, rules.policy)
  return Object.assign(world, {
    aws,
    askAws: async (asking: Asking) =>
      world.ask(await signedRequest(asking), { authority: `${asking.host}:443` }),
    async lastSeen() {
      const last = aws.seen.at(-1)
      if (last === undefined) throw new Error('nothing came')
      const { authorization = '' } = last.headers
      if (!authorization.includes('Credential=injected/') || JSON.stringify(last.headers).includes('MAYFLY'))
        throw new Error(`it came as ${authorization}`)
      return last
    },
  })
}
