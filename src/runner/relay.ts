import {
  createServer,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity } from 'node:tls'
import { connectionProblem, limits, messageOf, systemClock, systemCode } from '../lib/index.ts'
import { connectUri, type ProofSigner } from '../identity/index.ts'
import type { StepGrant } from './api.ts'
import { answerPlain, forwardPlain } from './plain-request.ts'
import { createRefusedHosts, Refusal } from './refused-hosts.ts'

/**
 * Carries what the step sends to its proxy on to the gateway, as it is: CONNECT, and plain http:// requests.
 * It adds the step's token and a fresh proof, decides nothing and sees no plaintext of TLS.
 */
export interface Relay {
  /** Takes the connections of this listener; it is the step's identity, so it is never shared. */
  serve(listener: Server): void
  /** Cuts every connection and takes no more. */
  close(): void
  /** How many requests were not sent on, because a secret stood in their address. */
  withheld(): number
}

export interface RelayDeps {
  step: StepGrant
  signer: ProofSigner
  /** One line for the developer: what was refused and why. */
  tell: (line: string) => void
  /** Called before the first connection to an npm registry goes out. */
  beforeRegistry: () => Promise<void>
  /** Whether a secret of the job stands in this host name or URL. */
  holdsSecret: (address: string) => boolean
}

const withheldMessage =
  'mayfly: refused: a secret of this job stands in the address of a request, and an address is recorded: nothing was sent'

const connectTimeoutMs = 30_000
/** Connections of the step at a time: the gateway takes as many. */
const maxConnections = limits.tunnelsPerStep
const lingerMs = 500
const restartGraceMs = 10_000
const retryMs = 250

/** There was nobody at the gateway's address, or they went before they answered. */
class Unreached extends Error {}
const passing: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

export function createRelay(deps: RelayDeps): Relay {
  const sockets = new Set<Duplex>()
  /** CONNECTs that the gateway has not answered yet. */
  const opening = new Set<ClientRequest>()
  const listeners: Server[] = []
  let closed = false
  let withheld = 0
  const authorities = new Set(deps.step.connections.map(({ authority }) => authority))
  const registries = new Set(
    deps.step.connections.filter(({ kind }) => kind === 'npm').map(({ authority }) => authority),
  )
  const told = new Set<string>()

  const refused = createRefusedHosts({ clock: systemClock })

  const http = createServer(
    {
      maxHeaderSize: limits.requestHeadBytes,
      // The step's own requests: a body of gigabytes is one, and only the step waits.
      requestTimeout: 0,
    },
    (request, response) => {
      request.on('error', () => undefined)
      response.on('error', () => undefined)
      servePlain(request, response).catch((error: unknown) => answerPlain(response, 502, messageOf(error)))
    },
  )
  http.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const authority = request.url ?? ''
    askTunnel(authority)
      .then((upstream) => {
        if (socket.destroyed) return void upstream.destroy()
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        if (head.length > 0) upstream.write(head)
        join(socket, upstream)
      })
      .catch((error: unknown) => refuse(socket, authority, error))
  })
  http.on('clientError', (_error, socket) => socket.destroy())
  http.on('error', () => undefined)

  /** As `openTunnel`; what was refused a moment ago the gateway is not asked again. Throws `Refusal`, too. */
  async function askTunnel(authority: string): Promise<Socket> {
    const known = refused.known(authority)
    if (known !== undefined) throw known
    try {
      return await openTunnel(authority)
    } catch (error) {
      // That a host does not answer may pass; that it is not granted does not.
      if (error instanceof Refusal && error.status === 403) refused.remember(authority, error)
      throw error
    }
  }

  function refuse(socket: Socket, authority: string, error: unknown): void {
    const { delayMs, silent } = refused.next(authority)
    const body = silent ? '' : `${messageOf(error)}\n`
    const head = `HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`
    const later = setTimeout(() => {
      if (silent) return socket.destroy()
      socket.end(`${head}${body}`)
      // Whoever was refused does not keep the socket by not closing their side.
      setTimeout(() => socket.destroy(), lingerMs).unref()
    }, delayMs).unref()
    socket.once('close', () => clearTimeout(later))
  }

  function track<S extends Duplex>(socket: S): S {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    if (closed) socket.destroy()
    return socket
  }

  // The gateway would write it into the log, which forgets nothing, and so would every name server and proxy on the way.
  function withhold(address: string): void {
    if (!deps.holdsSecret(address)) return
    withheld++
    throw new Error(tellOnce(withheldMessage))
  }

  async function openTunnel(authority: string): Promise<Socket> {
    // The policy itself names these; a variable such as AUTH_HOST may do so, too.
    if (!authorities.has(authority.toLowerCase())) withhold(authority)
    if (registries.has(authority.toLowerCase())) await deps.beforeRegistry()
    const first = await reachGateway(authority)
    // The nonce was too old, or of a gateway that has restarted: once more with the one that it gave.
    const tunnel = 'newNonce' in first ? await connectTunnel(authority) : first
    if ('newNonce' in tunnel) throw new Error(tellOnce('mayfly: the gateway takes no nonce of its own'))
    return tunnel
  }

  /** A gateway that is being started again is waited for: a command that begins just then must not fail for it. */
  async function reachGateway(authority: string): Promise<Socket | { newNonce: true }> {
    const untilMs = performance.now() + restartGraceMs
    for (;;) {
      try {
        return await connectTunnel(authority)
      } catch (error) {
        if (!(error instanceof Unreached)) throw error
        if (closed || performance.now() > untilMs) {
          tellOnce(error.message)
          throw error
        }
        await new Promise((next) => setTimeout(next, retryMs))
      }
    }
  }

  async function connectTunnel(authority: string): Promise<Socket | { newNonce: true }> {
    const { gateway, access_token } = deps.step
    const proof = await deps.signer.sign({
      method: 'CONNECT',
      uri: connectUri(gateway, authority),
      accessToken: access_token,
    })
    return new Promise((resolve, reject) => {
      const { hostname, port, protocol } = new URL(gateway)
      const host = hostname.replace(/^\[(.*)\]$/, '$1')
      const outgoing = (protocol === 'https:' ? httpsRequest : httpRequest)({
        host,
        port: port === '' ? (protocol === 'https:' ? 443 : 80) : port,
        // The gateway's own name. Node would take it from the Host header, which for CONNECT is the target's.
        servername: isIP(host) === 0 ? host : '',
        checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
        method: 'CONNECT',
        path: authority,
        headers: { 'proxy-authorization': `DPoP ${access_token}`, dpop: proof },
        agent: false,
        timeout: connectTimeoutMs,
      })
      outgoing.once('connect', (response, socket: Socket, head: Buffer) => {
        answered = true
        track(socket)
        // For good: between two who own the socket there is always somebody who listens.
        socket.on('error', () => socket.destroy())
        if (response.statusCode === 200) {
          if (head.length > 0) socket.unshift(head)
          socket.setTimeout(0)
          return resolve(socket)
        }
        const nonce = response.headers['dpop-nonce']
        if (nonce !== undefined) {
          deps.signer.learnNonce(nonce)
          socket.destroy()
          return resolve({ newNonce: true })
        }
        const { statusCode = 0 } = response
        readRefusal(socket, head).then((text) => reject(new Refusal(statusCode, tellOnce(text))), reject)
      })
      let answered = false
      const fail = (why: string, code = '') => {
        if (answered) return
        answered = true
        const message = `mayfly: the gateway ${gateway} does not answer: ${why}`
        reject(passing.has(code) ? new Unreached(message) : new Error(tellOnce(message)))
      }
      outgoing.once('timeout', () => outgoing.destroy(new Error('no answer')))
      // An answer to CONNECT that is none comes as `response`, and a switch of protocols as no event but the end.
      outgoing.on('response', (answer) => {
        answer.on('error', () => undefined).destroy()
        fail(`it answered ${answer.statusCode} as if it were no proxy`)
      })
      outgoing.on('error', (error) => fail(connectionProblem(error), systemCode(error)))
      outgoing.on('close', () => fail('it closed the connection'))
      opening.add(outgoing)
      outgoing.once('close', () => opening.delete(outgoing))
      if (closed) outgoing.destroy(new Error('the step has ended'))
      outgoing.end()
    })
  }

  // The same refusal a hundred times is one line.
  function tellOnce(text: string): string {
    const key = text.replace(/\(req_\w+\)/, '')
    if (!told.has(key) && told.size < 200) {
      told.add(key)
      deps.tell(text)
    }
    return text
  }

  function join(client: Socket, upstream: Socket): void {
    upstream.on('error', () => client.destroy())
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    upstream.setNoDelay(true)
    client.setNoDelay(true)
    client.pipe(upstream)
    upstream.pipe(client)
  }

  /** A proxy request for an http:// URL: the same tunnel, and the request in origin form within. */
  async function servePlain(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = URL.canParse(request.url ?? '') ? new URL(request.url ?? '') : undefined
    if (target?.protocol !== 'http:')
      return answerPlain(response, 400, 'mayfly: this is a proxy: send CONNECT, or an absolute http:// URL')
    const authority = `${target.hostname}:${target.port === '' ? '80' : target.port}`
    let tunnel: Socket
    try {
      withhold(`${target.pathname}${target.search}`)
      tunnel = await askTunnel(authority)
    } catch (error) {
      const { delayMs } = refused.next(authority)
      await new Promise((next) => setTimeout(next, delayMs).unref())
      return answerPlain(response, 403, messageOf(error))
    }
    forwardPlain(request, response, target, tunnel)
  }

  return {
    serve(listener) {
      listeners.push(listener)
      // More would take the files that the supervisor itself needs.
      listener.maxConnections = maxConnections
      listener.on('error', () => undefined)
      listener.on('connection', (socket) => {
        track(socket)
        http.emit('connection', socket)
      })
    },
    close() {
      closed = true
      for (const listener of listeners) listener.close()
      for (const request of opening) request.destroy(new Error('the step has ended'))
      for (const socket of sockets) socket.destroy()
    },
    withheld: () => withheld,
  }
}

const maxRefusalBytes = 4096
const refusalMs = 10_000

function readRefusal(socket: Socket, head: Buffer): Promise<string> {
  return new Promise((resolve) => {
    let text = head.toString('utf8')
    socket.setEncoding('utf8')
    const timer = setTimeout(() => socket.destroy(), refusalMs).unref()
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.length > maxRefusalBytes) socket.destroy()
    })
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(text.slice(0, maxRefusalBytes).trim() || 'mayfly: refused by the gateway')
    })
    socket.on('error', () => socket.destroy())
  })
}
