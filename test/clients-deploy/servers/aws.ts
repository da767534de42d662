import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isSignedWith } from '../../../src/gateway/aws/aws.fixture.ts'
import { createTestAuthority } from '../../certificates.ts'
import { freePort, untilAnswers } from '../../clients/servers/tls-front.ts'
import { findProgram } from '../../clients/suite.ts'

/**
 * moto behind a door that holds every signature against the session's secret, by AWS's own signer: moto itself takes any. What is
 * signed by other keys, or wrongly, is answered 403, and counted.
 */
export interface FakeAws extends AsyncDisposable {
  readonly dial: string
  readonly ca: string
  /** What was asked, `METHOD HOST/PATH`, and whether its signature held. */
  readonly seen: { readonly what: string; readonly held: boolean; readonly key: string }[]
  /** Forms of requests for a session. */
  readonly assumed: URLSearchParams[]
  /** The next requests that are signed are told that their session has ended. */
  expire(): void
}

const names = [
  'amazonaws.com',
  'eu-west-1.amazonaws.com',
  's3.eu-west-1.amazonaws.com',
  'ecr.eu-west-1.amazonaws.com',
  's3.amazonaws.com',
  'queue.amazonaws.com',
]

/** The same behind a host of another's, for whoever has this key: a store that speaks S3. */
export const storeHost = 'store.example.org'
export const storeKey = { id: 'AKIDOFTHESTORE00', secret: 'a-secret/of+the=store' }

export async function startAws(): Promise<FakeAws> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-aws-'))
  const authority = await createTestAuthority(join(folder, 'ca'))
  const pair = await authority.issue('aws', [...names.map((name) => `*.${name}`), storeHost])
  const port = await freePort()
  const moto = spawn(findProgram('moto_server') ?? '', ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    // moto signs nothing and asks nobody.
    env: { HOME: folder, AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' },
  })
  await untilAnswers(port, moto)
  const authorization =
    'AWS4-HMAC-SHA256 Credential=x/20261128/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=x'
  await fetch(`http://127.0.0.1:${port}/releases`, {
    ...{ method: 'PUT', headers: { authorization } },
    body: '<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>',
  })
  const secrets = new Map<string, string>([[storeKey.id, storeKey.secret]])
  const ended = new Set<string>()
  const fake = { seen: [] as FakeAws['seen'], assumed: [] as URLSearchParams[] }
  const server = createServer(
    { cert: readFileSync(pair.cert), key: readFileSync(pair.key) },
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  )

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const body = Buffer.concat((await request.toArray()) as Buffer[])
    const form = new URLSearchParams(body.toString('latin1'))
    const key = /Credential=(\w+)\//.exec(headers.authorization ?? '')?.[1] ?? ''
    const isMint = form.get('Action') === 'AssumeRoleWithWebIdentity' && key === ''
    const secret = secrets.get(key)
    const held =
      isMint ||
      (secret !== undefined && (await isSignedWith({ method, url, headers, body, socket: 0 }, key, secret)))
    fake.seen.push({ what: `${method} ${headers.host}${url}`, held, key })
    if (isMint) fake.assumed.push(form)
    if (!held) return void response.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>')
    if (ended.has(key)) return void response.writeHead(400).end('<Error><Code>ExpiredToken</Code></Error>')
    const host = headers.host === storeHost ? 's3.eu-west-1.amazonaws.com' : headers.host
    const sent = { ...headers, host }
    const inner = httpRequest({ port, method, path: url, headers: sent, setHost: false }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        const whole = Buffer.concat(chunks)
        learn(whole.toString('utf8'))
        response.writeHead(answer.statusCode ?? 502, answer.headers).end(whole)
      })
    })
    inner.on('error', () => response.destroy())
    inner.end(body)
  }

  /** The keys of sessions that moto makes. */
  function learn(text: string): void {
    const [, id] = /<AccessKeyId>([^<]+)</.exec(text) ?? []
    const [, secret] = /<SecretAccessKey>([^<]+)</.exec(text) ?? []
    if (id !== undefined && secret !== undefined) secrets.set(id, secret)
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return Object.assign(fake, {
    dial: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: readFileSync(authority.file, 'utf8'),
    expire: () => {
      for (const key of secrets.keys()) ended.add(key)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      moto.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  })
}
