import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createTestAuthority } from '../../../test/certificates.ts'
import { createHttpClient, type HttpAnswer, type HttpQuestion } from '../../http-client/index.ts'
import { kinds } from './kinds/index.ts'

export interface Asked {
  readonly host: string
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Said {
  readonly status: number
  readonly json?: unknown
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Says it itself, on the socket: what no vendor would. */
export type Raw = (socket: Socket) => void

/** As GitHub does it: a request to end a token is taken (202), and some moment later the token is refused. */
export function endsWhenAsked(alive: Said, dead: Said, onPost: () => unknown = () => undefined) {
  const ended = new Set<string>()
  return async ({ method, text, headers }: Asked): Promise<Said> => {
    if (method !== 'POST') return ended.has(String(headers.authorization).slice(-36)) ? dead : alive
    await onPost()
    for (const [, token = ''] of text.matchAll(/gh[a-z]_(\w{36})/g)) ended.add(token)
    return { status: 202 }
  }
}

/** Hosts that connections name in tests. */
export const namedHost = 'own.corp.test'

export interface StandIn {
  readonly seen: Asked[]
  readonly ca: string
  readonly port: number
  answer: (asked: Asked) => Said | Raw | Promise<Said>
  ask(question: HttpQuestion, connection: string | undefined): Promise<HttpAnswer>
}

/**
 * All vendors at once, by their own names: no account of them can be had for a test. It answers what the page says that each kind names
 * as its `source`. With `tls` by a certificate for all of them; without, so that a table of a thousand questions takes no minute, in the
 * clear at this machine.
 */
export async function startVendors(
  t: Pick<TestContext, 'after'>,
  { tls }: { readonly tls: boolean },
): Promise<StandIn> {
  const seen: Asked[] = []
  const serve = (request: IncomingMessage, response: ServerResponse) => void answerTo(request, response)
  const { ca, ...pair } = tls ? await certificate(t) : { ca: '' }
  const server = tls ? createTlsServer(pair, serve) : createServer(serve)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const secure = createHttpClient({
    async tunnel() {
      const socket = connect(port, '127.0.0.1')
      await new Promise((done) => socket.once('connect', done))
      return socket
    },
  })
  const clear = createHttpClient()
  const standIn: StandIn = {
    ...{ seen, ca, port },
    answer: () => ({ status: 500 }),
    ask: (question) =>
      tls
        ? secure.ask({ ...question, ca })
        : clear.ask({
            ...question,
            url: question.url.replace(/^https:/, 'http:'),
            dial: { address: '127.0.0.1', port },
          }),
  }

  async function answerTo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = Buffer.concat(await request.toArray()).toString()
    const { method = '', url: path = '', headers } = request
    const asked = { host: headers.host ?? '', method, path, headers, text }
    seen.push(asked)
    const said = await standIn.answer(asked)
    if (typeof said === 'function') return said(request.socket)
    const type = said.json === undefined ? {} : { 'content-type': 'application/json' }
    response.writeHead(said.status, { ...type, ...said.headers })
    response.end(said.json === undefined ? (said.text ?? '') : JSON.stringify(said.json))
  }
  return standIn
}

async function certificate(t: Pick<TestContext, 'after'>) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-vendors-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const authority = await createTestAuthority(folder)
  const hosts = [...new Set(kinds.flatMap(({ host }) => (host === undefined ? [] : [host]))), namedHost]
  const pair = await authority.issue('vendors', hosts)
  return {
    cert: readFileSync(pair.cert),
    key: readFileSync(pair.key),
    ca: readFileSync(authority.file, 'utf8'),
  }
}
