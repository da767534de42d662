import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { sha256 } from './folder.fixture.ts'

export const manifestType = 'application/vnd.oci.image.manifest.v1+json'
export const indexType = 'application/vnd.oci.image.index.v1+json'
export const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'

interface Stored {
  readonly type: string
  readonly body: string
  readonly link?: string
  readonly status?: number
}

/** What its token server was asked with. */
export interface TokenAsked {
  readonly method: string
  readonly authorization: string
  readonly query: URLSearchParams
  readonly form: URLSearchParams
}

type TokenAnswer = (asked: TokenAsked, response: ServerResponse) => void

/** A registry that gives what it has, by path below its one repository, to whoever brings the token. */
export async function startRegistry(t: TestContext) {
  const has = new Map<string, Stored>()
  const seen: TokenAsked[] = []
  const it: {
    token: TokenAnswer
    challenge: string
    /** True if it answered itself. */
    first: (request: IncomingMessage, response: ServerResponse) => boolean
  } = { token: grantTo('user:pass'), challenge: 'Bearer', first: () => false }
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const { url = '', method = '', headers } = request
    if (it.first(request, response)) return
    if (url.startsWith('/token')) {
      let text = ''
      for await (const chunk of request) text += String(chunk)
      const { searchParams: query } = new URL(url, 'http://token.test')
      const asked = {
        method,
        authorization: headers.authorization ?? '',
        query,
        form: new URLSearchParams(text),
      }
      seen.push(asked)
      return it.token(asked, response)
    }
    if (headers.authorization !== 'Bearer granted') {
      response.setHeader(
        'www-authenticate',
        `${it.challenge} realm="http://${headers.host}/token",service="registry"`,
      )
      return void response.writeHead(401).end()
    }
    const found = has.get(url.replace('/v2/octo/app/', ''))
    if (found === undefined) return void response.writeHead(404).end()
    const { status = 200, type, link } = found
    response
      .writeHead(status, { 'content-type': type, ...(link === undefined ? {} : { link }) })
      .end(found.body)
  }
  const server = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  t.after(() => server.close())
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const put = (body: string, type = manifestType) => {
    has.set(`manifests/${sha256(body)}`, { type, body })
    return { mediaType: type, digest: sha256(body), size: body.length }
  }
  return {
    ...{ it, host, has, seen, put },
    /** A manifest that brings the bundle, and how a list names it. */
    putBundle(bundle: string, { artifactType = bundleType, layerType = bundleType, subject = '' } = {}) {
      has.set(`blobs/${sha256(bundle)}`, { type: 'application/octet-stream', body: bundle })
      const layers = [{ mediaType: layerType, digest: sha256(bundle), size: bundle.length }]
      const about = subject === '' ? {} : { subject: { digest: subject } }
      return { ...put(JSON.stringify({ schemaVersion: 2, layers, ...about })), artifactType }
    },
    list: (path: string, manifests: readonly unknown[], more: Partial<Stored> = {}) =>
      has.set(path, { type: indexType, body: JSON.stringify({ schemaVersion: 2, manifests }), ...more }),
  }
}

/** Tokens by GET, for a user with a password. */
export function grantTo(login: string): TokenAnswer {
  const basic = `Basic ${Buffer.from(login).toString('base64')}`
  return ({ authorization, method }, response) =>
    response
      .writeHead(method === 'GET' && authorization === basic ? 200 : 401)
      .end(JSON.stringify({ token: 'granted' }))
}

/** An image that is nothing but a manifest. */
export function imageOf(name: string): string {
  const layer = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: sha256(`${name} layer`),
    size: 1,
  }
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: sha256(`${name} config`),
    size: 1,
  }
  return JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers: [layer] })
}

export function setVariable(t: TestContext, name: string, value: string): void {
  const before = process.env[name]
  process.env[name] = value
  t.after(() => (before === undefined ? delete process.env[name] : (process.env[name] = before)))
}
