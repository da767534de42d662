import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { connectionProblem, systemCode } from '../lib/index.ts'
import { connectUri, type ProofSigner } from '../identity/index.ts'
import type { StepGrant } from './api-facts.ts'
import { askGateway } from './ask-gateway.ts'
import { Refusal } from './refused-hosts.ts'

/** Opens tunnels at the gateway with the step's token and a fresh proof each. */
export interface GatewayTunnels {
  /** A socket to this `host:port`. Throws `Refusal` with the gateway's own words, or Error if it cannot be reached. */
  open(authority: string): Promise<Socket>
  /** Gives up what is being opened; opens no more. */
  close(): void
}

export interface GatewayTunnelDeps {
  step: StepGrant
  signer: ProofSigner
  /** Shows a refusal to the developer, and returns it. */
  tell: (line: string) => string
  /** Called with each socket to the gateway. */
  track: (socket: Socket) => void
}

const connectTimeoutMs = 30_000
const restartGraceMs = 10_000
const retryMs = 250

/** There was nobody at the gateway's address, or they went before they answered. */
class Unreached extends Error {}
const passing: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE'])

export function createGatewayTunnels({ step, signer, tell, track }: GatewayTunnelDeps): GatewayTunnels {
  /** CONNECTs that the gateway has not answered yet. */
  const opening = new Set<ClientRequest>()
  let closed = false

  /** A gateway that is being started again is waited for: a command that begins just then must not fail for it. */
  async function reachGateway(authority: string): Promise<Socket | { newNonce: true }> {
    const untilMs = performance.now() + restartGraceMs
    for (;;) {
      try {
        return await connectTunnel(authority)
      } catch (error) {
        if (!(error instanceof Unreached)) throw error
        if (closed || performance.now() > untilMs) {
          tell(error.message)
          throw error
        }
        await new Promise((next) => setTimeout(next, retryMs))
      }
    }
  }

  async function connectTunnel(authority: string): Promise<Socket | { newNonce: true }> {
    const { gateway, access_token: accessToken } = step
    const proof = await signer.sign({ method: 'CONNECT', uri: connectUri(gateway, authority), accessToken })
    return new Promise((resolve, reject) => {
      const headers = { 'proxy-authorization': `DPoP ${accessToken}`, dpop: proof }
      const outgoing = askGateway(gateway, authority, { headers, timeoutMs: connectTimeoutMs })
      let answered = false
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
          signer.learnNonce(nonce)
          socket.destroy()
          return resolve({ newNonce: true })
        }
        const { statusCode = 0 } = response
        readRefusal(socket, head).then((text) => reject(new Refusal(statusCode, tell(text))), reject)
      })
      const fail = (why: string, code = '') => {
        if (answered) return
        answered = true
        const message = `mayfly: the gateway ${gateway} does not answer: ${why}`
        reject(passing.has(code) ? new Unreached(message) : new Error(tell(message)))
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

  return {
    async open(authority) {
      const first = await reachGateway(authority)
      // The nonce was too old, or of a gateway that has restarted: once more with the one that it gave.
      const tunnel = 'newNonce' in first ? await connectTunnel(authority) : first
      if ('newNonce' in tunnel) throw new Error(tell('mayfly: the gateway takes no nonce of its own'))
      return tunnel
    },
    close() {
      closed = true
      for (const request of opening) request.destroy(new Error('the step has ended'))
    },
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
