import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connectionProblem, joinSockets, limits, messageOf, systemClock } from '../lib/index.ts'
import { kindNamed, kindNames } from '../kinds/index.ts'
import type { ProofSigner } from '../identity/index.ts'
import type { StepGrant } from './api-facts.ts'
import { authoritiesOf, namedAuthorities, type Way } from './doors.ts'
import { createGatewayTunnels } from './gateway-tunnel.ts'
import { answerPlain, forwardPlain } from './plain-request.ts'
import { createRefusedHosts, Refusal } from './refused-hosts.ts'

/**
 * Carries what the step sends to its doors on to the gateway, as it is: CONNECT and plain http:// requests to the proxy, and
 * whatever comes on the door of a host. It adds the step's token and a fresh proof, decides nothing and sees no plaintext of TLS.
 * A service of the job is dialled here, on the runner's own localhost.
 */
export interface Relay {
  /** Takes the connections of this listener; it is the step's identity, so it is never shared. */
  serve(listener: Server, way: Way): void
  /** Cuts every connection and takes no more. */
  close(): void
  /** How many requests were not sent on, because a secret stood in their address. */
  withheld(): number
  /** Connections to each service of the job, by port. */
  services(): ReadonlyMap<number, number>
}

export interface RelayDeps {
  step: StepGrant
  signer: ProofSigner
  /** One line for the developer: what was refused and why. */
  tell: (line: string) => void
  /** Called with `host:port` before a connection to a registry goes out whose packages lockfiles pin. */
  beforeRegistry: (authority: string) => Promise<void>
  /** Whether a secret of the job stands in this host name or URL. */
  holdsSecret: (address: string) => boolean
}

const withheldMessage =
  'mayfly: refused: a secret of this job stands in the address of a request, and an address is recorded: nothing was sent'

/** Connections of the step at a time: the gateway takes as many. */
/** Kinds of which a lockfile says what may come. */
const pinning: ReadonlySet<string> = new Set(
  kindNames.filter((name) => kindNamed(name).lockfiles !== undefined),
)

const maxConnections = limits.tunnelsPerStep
const lingerMs = 500

export function createRelay(deps: RelayDeps): Relay {
  const sockets = new Set<Duplex>()
  const listeners: Server[] = []
  let closed = false
  let withheld = 0
  /** The policy itself names these; a variable such as AUTH_HOST may do so, too. */
  const authorities = new Set(namedAuthorities(deps.step))
  const services = new Map<number, number>()
  let clients = 0
  const registries = new Set(
    deps.step.connections.filter(({ kind }) => pinning.has(kind)).flatMap(authoritiesOf),
  )
  const told = new Set<string>()

  const refused = createRefusedHosts({ clock: systemClock })
  const tunnels = createGatewayTunnels({ ...deps, tell: tellOnce, track })

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
        carry(socket, upstream)
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
    if (!authorities.has(authority.toLowerCase())) withhold(authority)
    if (registries.has(authority.toLowerCase())) await deps.beforeRegistry(authority.toLowerCase())
    return await tunnels.open(authority)
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

  function carry(client: Socket, upstream: Socket): void {
    upstream.setNoDelay(true)
    client.setNoDelay(true)
    joinSockets(client, upstream)
  }

  /** The door of one host: which is meant is known by the socket, and the client need not say anything first. */
  function serveHost(client: Socket, authority: string): void {
    askTunnel(authority).then(
      (upstream) => (client.destroyed ? void upstream.destroy() : carry(client, upstream)),
      () => closeLater(client, refused.next(authority).delayMs),
    )
  }

  function serveService(client: Socket, port: number): void {
    services.set(port, (services.get(port) ?? 0) + 1)
    const service = track(dialLocalhost(port))
    let why = 'it closed the connection'
    service.on('error', (error) => (why = connectionProblem(error)))
    const unreached = () => {
      tellOnce(`mayfly: service ${port}: nothing answers on the runner’s own localhost:${port}: ${why}`)
      client.destroy()
    }
    const leave = () => service.destroy()
    service.once('close', unreached)
    client.once('close', leave)
    service.once('connect', () => {
      service.off('close', unreached)
      client.off('close', leave)
      carry(client, service)
    })
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

  function take(client: Socket, way: Way): void {
    if (way.to === 'host') serveHost(client, way.authority)
    else if (way.to === 'service') serveService(client, way.port)
    else http.emit('connection', client)
  }

  return {
    serve(listener, way) {
      listeners.push(listener)
      listener.maxConnections = maxConnections
      // The end of what a client says is passed on, and the answer comes back after it.
      Object.assign(listener, { allowHalfOpen: true })
      listener.on('error', () => undefined)
      listener.on('connection', (socket) => {
        socket.on('error', () => socket.destroy())
        // Of all doors together: more would take the files that the supervisor itself needs.
        if (clients >= maxConnections) return void socket.destroy()
        clients++
        socket.once('close', () => clients--)
        take(track(socket), way)
      })
    },
    close() {
      closed = true
      for (const listener of listeners) listener.close()
      tunnels.close()
      for (const socket of sockets) socket.destroy()
    },
    withheld: () => withheld,
    services: () => services,
  }
}

function closeLater(socket: Socket, delayMs: number): void {
  const later = setTimeout(() => socket.destroy(), delayMs).unref()
  socket.once('close', () => clearTimeout(later))
}

/** By whichever of its two addresses the service listens at. */
function dialLocalhost(port: number): Socket {
  const addresses = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
  return connect({
    host: 'localhost',
    port,
    autoSelectFamily: true,
    // Not what a resolver says of the name.
    lookup: (_name, _options, done) => done(null, addresses),
  })
}
