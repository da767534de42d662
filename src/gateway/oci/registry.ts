import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { MayflyError, Secret, type Clock } from '../../lib/index.ts'
import { discard, refusedHint, type Exchange, type Permit } from '../exchange.ts'
import { readChallenge, readToken, tokenUrl } from './challenge.ts'
import { collectAnswer } from '../collect.ts'
import type { Memory } from './memory.ts'

/** A registry as the handler asks it: with the connection's credential, or with a token of exactly this scope. */
export interface Registry {
  /** Throws `denied` if the registry does not take the credential, or wants tokens from a host that nothing names. */
  ask(permit: Permit, scopes: readonly string[], request: RegistryRequest): Promise<IncomingMessage>
}

export interface RegistryRequest {
  readonly method: string
  /** Path below `/v2` with query, or a place that the registry named. */
  readonly target: string | URL
  readonly headers: Record<string, string>
  readonly body?: Buffer | Readable
}

const maxTokenBytes = 131_072
const maxTokens = 500

/**
 * The token flow of registries (distribution's "Token Authentication Specification"): what is refused with a challenge is asked
 * again with a token, which is kept for this step and scope and never leaves the gateway. One token for one request: a registry
 * that refuses its own token is not asked a third time.
 */
export function openRegistry(
  exchange: Pick<Exchange, 'connection' | 'send' | 'sendTo' | 'notTaken'>,
  memory: Pick<Memory, 'challenge' | 'tokens'>,
  clock: Clock,
): Registry {
  const { connection } = exchange

  function send(
    permit: Permit,
    { target, ...request }: RegistryRequest,
    how: { mayChallenge?: true } = {},
  ): Promise<IncomingMessage> {
    if (typeof target === 'string') return exchange.send(permit, { ...request, ...how, path: target })
    const sent = exchange.sendTo(permit, target, { ...request, ...how })
    if (sent === undefined)
      throw new MayflyError(
        'denied',
        `the registry sends to ${target.host}, which is not the connection’s host`,
      )
    return sent
  }

  async function fetchToken(permit: Permit, scopes: readonly string[]): Promise<Permit> {
    const url = memory.challenge === undefined ? undefined : tokenUrl(memory.challenge, scopes)
    if (url === undefined) throw refused(connection)
    const headers = { accept: 'application/json', 'accept-encoding': 'identity' }
    const sent = exchange.sendTo(permit, url, { method: 'GET', headers }, 'token')
    if (sent === undefined)
      throw new MayflyError(
        'denied',
        `the registry of connection "${connection.name}" takes tokens of ${url.host}, which the connection does not name: add to it in mayfly.yaml: token_host: ${JSON.stringify(url.host)}`,
      )
    const answer = await sent
    if (answer.statusCode !== 200) {
      discard(answer)
      throw refused(connection, `${url.host} answered ${answer.statusCode}`)
    }
    const token = readToken(await collectAnswer(answer, maxTokenBytes), clock)
    if (token === undefined) throw refused(connection, `${url.host} gave no token`)
    if (memory.tokens.size >= maxTokens) memory.tokens.clear()
    memory.tokens.set(scopes.join(' '), token)
    return { ...permit, authorization: token.authorization }
  }

  function tokenHeld(scopes: readonly string[]): Secret | undefined {
    const held = memory.tokens.get(scopes.join(' '))
    return held !== undefined && clock.nowMs() < held.untilMs ? held.authorization : undefined
  }

  return {
    async ask(permit, scopes, request) {
      const held = tokenHeld(scopes)
      // Where it is known that a token is asked for, what has a body is not sent twice.
      const first =
        held === undefined && memory.challenge !== undefined
          ? await fetchToken(permit, scopes)
          : { ...permit, authorization: held ?? permit.authorization }
      const answer = await send(first, request, { mayChallenge: true })
      if (answer.statusCode !== 401) return answer
      const challenge = readChallenge(answer.headers['www-authenticate'])
      discard(answer)
      if (challenge === undefined) exchange.notTaken(first)
      if (challenge === undefined || isSpent(request.body)) throw refused(connection)
      memory.challenge = challenge
      const again = await send(await fetchToken(permit, scopes), request)
      if (again.statusCode !== 401) return again
      discard(again)
      throw refused(connection, 'it does not take the token that it asked for')
    },
  }
}

function isSpent(body: Buffer | Readable | undefined): boolean {
  return body !== undefined && !Buffer.isBuffer(body)
}

function refused(connection: Exchange['connection'], why?: string): MayflyError {
  const detail = why === undefined ? '401' : `401: ${why}`
  return new MayflyError(
    'denied',
    `the registry refused the credential of connection "${connection.name}" (${detail})${refusedHint(connection, 401)}`,
  )
}
