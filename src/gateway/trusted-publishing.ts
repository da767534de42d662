import type { IncomingMessage } from 'node:http'
import { MayflyError, Secret, limits, type Clock } from '../lib/index.ts'
import type { Broker, Step } from '../broker/index.ts'
import type { Connection } from '../connections/index.ts'
import type { KindName } from '../kinds/index.ts'
import { discard, type Exchange, type Permit } from './exchange.ts'

/**
 * Trusted publishing: the registry gives whoever is its publisher by the CI's own identity token a token of minutes, for one
 * package. Both stay here: the identity token, which the step's supervisor hands over, and what is minted for it, as a lease. The
 * step's tools publish with any token, or with a stand-in that they are given where they ask for one themselves.
 */
export interface TrustedPublishing {
  /** Takes the job's identity token for this connection's registry. Throws `bad_input` if it is none, or for somebody else. */
  hold(step: Step, connection: Connection, token: string): void
  /** The permission with what was minted for this package; as it is where the connection publishes otherwise. Throws `denied`. */
  permit(
    step: Step,
    permit: Permit,
    name: string,
    exchange: Pick<Exchange, 'connection' | 'sendTo' | 'read'>,
  ): Promise<Permit>
}

/** What a tool is given that asks for a token itself: any will do, since the gateway leaves what the step sends out. */
export const standIn = 'held-by-the-gateway'

/** How a kind of registry is asked, and what its token is used as. */
interface Registry {
  url(connection: Connection, name: string): URL
  /** Either as its credential, or in a body of JSON. */
  ask(identity: Secret): { authorization?: Secret; json?: unknown }
  credential(token: string): string
  /** How long a token of it is good for, at least. */
  readonly seconds: number
  /** And at most: until then whoever has it may publish. */
  readonly longestSeconds: number
}

const registries: Partial<Record<KindName, Registry>> = {
  // docs.npmjs.com, "Trusted publishing", and npm's own lib/utils/oidc.js.
  npm: {
    url: ({ url }, name) => new URL(`/-/npm/v1/oidc/token/exchange/package/${name.replace('/', '%2f')}`, url),
    ask: (identity) => ({ authorization: new Secret(`Bearer ${identity.reveal()}`) }),
    credential: (token) => `Bearer ${token}`,
    seconds: 600,
    longestSeconds: 3_600,
  },
  // docs.pypi.org, "Trusted Publishers", internals: a token lasts 15 minutes.
  pypi: {
    url: ({ url, tokenHost }) =>
      new URL(
        '/_/oidc/mint-token',
        tokenHost === undefined ? url : `https://${tokenHost.host}:${tokenHost.port}`,
      ),
    ask: (identity) => ({ json: { token: identity.reveal() } }),
    credential: (token) => `Basic ${Buffer.from(`__token__:${token}`).toString('base64')}`,
    seconds: 600,
    longestSeconds: 900,
  },
}

export function createTrustedPublishing(deps: {
  broker: Pick<Broker, 'leaseMinted'>
  clock: Clock
}): TrustedPublishing {
  const held = new WeakMap<Step, Map<string, Secret>>()
  const minted = new WeakMap<Step, Map<string, Promise<{ authorization: Secret; untilMs: number }>>>()

  async function mint(
    step: Step,
    registry: Registry,
    name: string,
    exchange: Pick<Exchange, 'connection' | 'sendTo' | 'read'>,
  ): Promise<{ authorization: Secret; untilMs: number }> {
    const { connection } = exchange
    const identity = held.get(step)?.get(connection.name)
    if (identity === undefined)
      throw refuse(connection, 'the job has handed over no identity token for it: its log says why')
    const { authorization, json } = registry.ask(identity)
    const body = Buffer.from(json === undefined ? '' : JSON.stringify(json))
    const asking = exchange.sendTo(
      { allow: true, authorization },
      registry.url(connection, name),
      {
        method: 'POST',
        headers: {
          ...{ accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'mayfly' },
          ...{ 'content-type': 'application/json', 'content-length': String(body.length) },
        },
        body,
      },
      'token',
    )
    if (asking === undefined) throw refuse(connection, 'its token host is none that the connection names')
    const token = await tokenIn(await asking, exchange)
    const nowMs = deps.clock.nowMs()
    const untilMs = Math.min(nowMs + registry.seconds * 1_000, step.expiresMs)
    const given = new Secret(registry.credential(token))
    await deps.broker.leaseMinted(step, connection, {
      grant: `${connection.kind}:publish ${connection.name}/${name}`,
      kind: 'trusted_publishing',
      expiresMs: nowMs + registry.longestSeconds * 1_000,
    })
    return { authorization: given, untilMs }
  }

  return {
    hold(step, connection, token) {
      const wanted = connection.trustedPublishing?.audience
      if (wanted === undefined)
        throw new MayflyError('bad_input', `connection "${connection.name}" has no trusted_publishing`)
      if (token.length > limits.identityTokenBytes || !audiencesOf(token).includes(wanted))
        throw new MayflyError(
          'bad_input',
          `the identity token for connection "${connection.name}" is not for its audience ${wanted}`,
        )
      const ofStep = held.get(step) ?? new Map<string, Secret>()
      held.set(step, ofStep.set(connection.name, new Secret(token, '(identity token)')))
    },
    async permit(step, permit, name, exchange) {
      const { connection } = exchange
      const registry = registries[connection.kind]
      if (connection.trustedPublishing === undefined || registry === undefined) return permit
      const ofStep =
        minted.get(step) ?? new Map<string, Promise<{ authorization: Secret; untilMs: number }>>()
      minted.set(step, ofStep)
      const key = `${connection.name} ${connection.url} ${name}`
      const known = await ofStep.get(key)
      if (known !== undefined && known.untilMs > deps.clock.nowMs())
        return { ...permit, authorization: known.authorization }
      const minting = mint(step, registry, name, exchange)
      ofStep.set(key, minting)
      minting.catch(() => ofStep.delete(key))
      return { ...permit, authorization: (await minting).authorization }
    },
  }
}

async function tokenIn(
  answer: IncomingMessage,
  { connection, read }: Pick<Exchange, 'connection' | 'read'>,
): Promise<string> {
  const { statusCode = 0 } = answer
  if (statusCode !== 200 && statusCode !== 201) {
    discard(answer)
    const why = [401, 403, 404, 422].includes(statusCode)
      ? ': the package needs a trusted publisher there that names this repository and workflow'
      : ''
    throw refuse(connection, `it gave no token for this job's identity (${statusCode})${why}`)
  }
  const text = await read(answer, 65_536)
  try {
    const { token } = JSON.parse(text?.toString('utf8') ?? '') as { token?: unknown }
    if (typeof token === 'string' && /^[\x21-\x7e]{8,4096}$/.test(token)) return token
  } catch {
    // What the parser says would repeat a part of the token.
  }
  throw refuse(connection, 'its answer to the exchange has no token')
}

function refuse({ name }: Connection, why: string): MayflyError {
  return new MayflyError(
    'denied',
    `connection "${name}" publishes with the identity of the CI (trusted_publishing), and ${why}`,
  )
}

/** `aud` of a JWT, which is verified by the registry alone; none for what is no JWT. */
function audiencesOf(token: string): readonly unknown[] {
  const payload = /^[\w-]+\.(?<payload>[\w-]+)\.[\w-]+$/.exec(token)?.groups?.['payload']
  try {
    const { aud } = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8')) as { aud?: unknown }
    return Array.isArray(aud) ? aud : [aud]
  } catch {
    return []
  }
}
