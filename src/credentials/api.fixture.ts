import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { inspect } from 'node:util'
import { policySchema } from '../config/index.ts'
import { compileTargets, isMinted, type Connection, type IssuerConfig } from '../connections/index.ts'
import { createHttpClient } from '../http-client/index.ts'
import type { IssuerName } from '../kinds/index.ts'
import { MayflyError, Secret, newOrderedId, type ErrorCode, type LeaseId } from '../lib/index.ts'
import { Unusable, UpstreamBusy } from './index.ts'
import type { CredentialIssuer, Held, IssuerTools, Minted, MintRequest, Plain } from './issuer.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Said {
  readonly status?: number
  readonly json?: unknown
  readonly text?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** An API in this process. */
export interface FakeApi {
  readonly url: string
  readonly seen: Asked[]
  /**
   * `down`: it hangs up. `slow`: it takes the request and says nothing. `forgetful`: it does what it was asked and answers 500.
   * A function answers instead of it; what it was asked is not done.
   */
  mood: 'well' | 'down' | 'slow' | 'forgetful' | ((asked: Asked) => Said)
}

export async function startApi(
  t: TestContext,
  answer: (asked: Asked) => Said | Promise<Said>,
): Promise<FakeApi> {
  const server = createServer((request, response) => void serve(request, response))
  const api: FakeApi = { url: '', seen: [], mood: 'well' }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = (await request.toArray()).join('')
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://api')
    const { method = '', headers } = request
    const asked = { method, path: pathname, query: searchParams, headers, text }
    api.seen.push(asked)
    if (api.mood === 'slow') return
    if (api.mood === 'down') return void response.destroy()
    const said = typeof api.mood === 'function' ? api.mood(asked) : await answer(asked)
    if (api.mood === 'forgetful') return void response.writeHead(500).end()
    const { status = 200, json, text: body = json === undefined ? '' : JSON.stringify(json) } = said
    const type = json === undefined ? {} : { 'content-type': 'application/json' }
    response.writeHead(status, { ...type, ...said.headers }).end(body)
  }
  server.listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(api, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

/** 2026-11-28T12:00:00Z. */
export const startMs = 1_795_867_200_000

/** An issuer with a connection that it makes credentials for, as mayfly.yaml has it. */
export function setUp<Name extends IssuerName>(
  issuer: CredentialIssuer<Name>,
  options: {
    config: object
    /** It is not waited for while it is slow. */
    api?: FakeApi
    kind?: string
    url?: string
    grants?: readonly string[]
    secrets?: Readonly<Record<string, string>>
    connection?: object
    tools?: Partial<IssuerTools>
  },
) {
  const { kind = 'http', url = 'https://api.test', secrets = {}, grants = [] } = options
  const { connection, config } = connectionWith(issuer.name, { ...options, kind, url })
  const clock = { ms: startMs, nowMs: () => clock.ms }
  const http = createHttpClient()
  const tools: IssuerTools = {
    clock,
    http: {
      ask: (question) => http.ask({ timeoutMs: options.api?.mood === 'slow' ? 100 : 20_000, ...question }),
    },
    async openSecret(name) {
      const value = secrets[name]
      if (value === undefined) throw new MayflyError('secret_missing', `there is no secret "${name}"`)
      return new Secret(value)
    },
    async identityToken() {
      throw new MayflyError('config_invalid', 'no identity here')
    },
    ...options.tools,
  }
  const request = (changes: Partial<MintRequest<Name>> = {}): MintRequest<Name> => ({
    lease: newOrderedId<LeaseId>('lse', clock.ms),
    connection,
    config,
    grants,
    ttlSeconds: 900,
    run: 'run_1',
    step: 'build',
    role: 'builder',
    ...changes,
  })
  const held = (of: MintRequest<Name>, minted: Minted | undefined): Held<Name> => ({
    lease: of.lease,
    connection,
    config,
    // As the store has them: JSON.
    plan: asStored(issuer.plan(of)),
    handle: minted === undefined ? undefined : asStored(minted.handle),
    expiresMs: minted?.expiresMs ?? clock.ms + of.ttlSeconds * 1000,
  })
  return { connection, config, tools, clock, request, held, mint: mintBy(issuer, request, tools), secrets }
}

function mintBy<Name extends IssuerName>(
  issuer: CredentialIssuer<Name>,
  request: (changes?: Partial<MintRequest<Name>>) => MintRequest<Name>,
  tools: IssuerTools,
) {
  return async (changes: Partial<MintRequest<Name>> = {}) => {
    const asked = request(changes)
    const minted = await issuer.mint(asked, asStored(issuer.plan(asked)), tools)
    return { asked, minted }
  }
}

function asStored(value: Plain): Plain {
  return JSON.parse(JSON.stringify(value)) as Plain
}

function connectionWith<Name extends IssuerName>(
  name: Name,
  { kind, url, config, connection = {} }: { kind: string; url: string; config: object; connection?: object },
): { connection: Connection; config: IssuerConfig<Name> } {
  const document = policySchema.parse({
    issuers: { ci: { kind: 'oidc', url: 'https://ci.test' } },
    connections: { api: { kind, url, credential: { [name]: config }, ...connection } },
    roles: { build: { trust: { issuer: 'ci', subject: 'x' }, grants: [`${kind}:none api/x`] } },
  })
  const compiled = compileTargets(document, () => ({ file: 'mayfly.yaml', line: 1, column: 1 }))
  assert.ok(compiled.ok, inspect(compiled))
  const [one] = compiled.targets.connections
  assert.ok(one?.credential !== undefined && isMinted(one.credential))
  return { connection: one, config: one.credential.config as IssuerConfig<Name> }
}

export function revealed({ fields, authorization }: Minted): {
  authorization: string
  [field: string]: string
} {
  const all = Object.entries(fields).map(([name, value]) => [name, value.reveal()])
  return { ...Object.fromEntries(all), authorization: authorization?.reveal() ?? '' }
}

/** One line, with this code; it holds none of these, in itself or in what caused it. */
export function failsWith(code: ErrorCode, message: RegExp, secrets: readonly string[] = []) {
  return (error: unknown) => {
    assert.ok(error instanceof MayflyError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    assert.ok(!error.message.includes('\n'), error.message)
    assertHidden(error, secrets)
    return true
  }
}

export function assertHidden(value: unknown, secrets: readonly string[]): void {
  const text = `${inspect(value, { depth: 10 })} ${JSON.stringify(value)}`
  for (const secret of secrets)
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')])
      assert.ok(!text.includes(form), `${secret} is in ${text}`)
}

/**
 * What any API may say to what it is asked, whatever it is: no answer of these is taken for a credential, or for an end, and none
 * ends in anything but a clear error without a secret.
 */
export async function refusesOddAnswers(
  api: FakeApi,
  act: () => Promise<unknown>,
  secrets: readonly string[],
): Promise<void> {
  const planted = 'planted-in-the-answer'
  const hidden = [...secrets, planted]
  const said = async (mood: FakeApi['mood'], code: ErrorCode, message: RegExp) => {
    api.mood = mood
    await assert.rejects(act(), failsWith(code, message, hidden))
  }
  await said('down', 'upstream_unreachable', /does not answer/)
  await said('slow', 'upstream_unreachable', /not within/)
  await said(() => ({ status: 502, text: planted }), 'upstream_unreachable', /answers 502/)
  await said(
    () => ({ status: 302, headers: { location: `/elsewhere?${planted}` } }),
    'credential_failed',
    /redirect \(302\)/,
  )
  await said(() => ({ text: Buffer.alloc(10_485_760, 'a') }), 'credential_failed', /more than/)
  // An API may repeat what it was sent.
  let shown = 'nothing'
  const words = `denied for ${secrets.join(' and ')} (${Buffer.from(secrets.join()).toString('base64')})\n\u001b[31m`
  const repeat = ({ headers }: Asked) => {
    shown = headers.authorization?.split(' ')[1] ?? shown
    return { status: 422, json: { message: `${words} ${headers.authorization}` } }
  }
  await said(repeat, 'credential_failed', /422.*: denied for/)
  api.mood = repeat
  await assert.rejects(act(), (error) => error instanceof MayflyError && !error.message.includes(shown))
  for (const [headers, waitMs] of [
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': 'Sat, 28 Nov 2026 12:00:09 GMT', date: 'Sat, 28 Nov 2026 12:00:00 GMT' }, 9_000],
    [{ 'retry-after': '99999999' }, 3_600_000],
    [{ 'retry-after': 'soon' }, 30_000],
    [{}, 30_000],
  ] as const) {
    api.mood = () => ({ status: 429, headers })
    await assert.rejects(act(), (error) => {
      assert.ok(error instanceof UpstreamBusy)
      return error.retryAfterMs === waitMs
    })
  }
  api.mood = 'well'
}

/** Answers of 200 that hold no credential. */
export async function refusesOddCredentials(
  api: FakeApi,
  act: () => Promise<unknown>,
  secrets: readonly string[],
  more: readonly unknown[] = [],
): Promise<void> {
  const page = { text: '<html>sign in</html>', headers: { 'content-type': 'text/html' } }
  const bodies: Said[] = [page, { text: '' }, { text: '{"token":' }, { text: '\xff\xfe' }]
  for (const json of [null, [], 5, 'planted-in-the-answer', {}, ...more]) bodies.push({ json })
  for (const body of bodies) {
    api.mood = () => body
    await assert.rejects(
      act(),
      failsWith('credential_failed', /answers with/, [...secrets, 'planted-in-the-answer']),
      inspect(body),
    )
  }
  api.mood = 'well'
}

/** What an issuer has kept for the end of what was made, and is of no use. */
export async function leftBy(mint: () => Promise<unknown>): Promise<Plain | undefined> {
  try {
    await mint()
  } catch (error) {
    return error instanceof Unusable ? error.handle() : undefined
  }
  throw new Error('it was taken')
}
