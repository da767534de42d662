import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MayflyError, constantTimeEqual, sha256Hex } from '../lib/index.ts'
import { createCredentials } from './credentials.ts'
import { callServer, createOperatorApi, serverOf } from './operator-api.ts'
import { print } from './output.ts'

const patienceMs = 5 * 60_000

/** `mayfly login`: by the browser, back to a loopback port of ours (RFC 8252, section 7.3), with PKCE. */
export async function login(options: { server?: string; browser: boolean; json: boolean }): Promise<void> {
  const server = serverOf(options)
  const { protocol, hostname } = new URL(server)
  if (protocol !== 'https:' && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
    throw new MayflyError('bad_input', `${server} is not https://: what comes back could be read on the way`)
  const { available } = await callServer<{ available: boolean }>(server, 'GET', '/v1/sign-in', {})
  if (!available)
    throw new MayflyError(
      'not_found',
      `nobody can sign in at ${server}: its policy has no sign_in (docs/operators.md); use an API token in MAYFLY_TOKEN`,
    )
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const state = randomBytes(32).toString('base64url')
  const listener = createServer()
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  try {
    const { port } = listener.address() as AddressInfo
    const url = `${server}/auth/cli?${new URLSearchParams({ port: String(port), challenge, state }).toString()}`
    const mark = sha256Hex(challenge).slice(0, 8).toUpperCase()
    process.stderr.write(`mayfly: open ${url}\nmayfly: the page shows ${mark.slice(0, 4)}-${mark.slice(4)}\n`)
    if (options.browser) openBrowser(url)
    const code = await answered(listener, state)
    const made = await callServer<{ token: string; expires: string; name: string }>(
      server,
      'POST',
      '/auth/cli/token',
      {
        body: { code, verifier },
      },
    )
    const { token, expires, name } = made
    createCredentials().write(server, { token, expires })
    print(options.json, { name, expires }, [`signed in as ${name} until ${expires}`])
  } finally {
    listener.closeAllConnections()
    listener.close()
  }
}

/** `mayfly logout`: the token is revoked and forgotten; forgotten also if the server no longer knows it. */
export async function logout(options: { server?: string; json: boolean }): Promise<void> {
  const server = serverOf(options)
  const credentials = createCredentials()
  const kept = credentials.read(server)
  if (kept === undefined) throw new MayflyError('unauthorized', `not signed in at ${server}`)
  try {
    await createOperatorApi({ server, token: kept.token }).call('DELETE', '/auth/session')
  } catch (error) {
    if (!(error instanceof MayflyError) || error.code !== 'unauthorized') throw error
  }
  credentials.forget(server)
  print(options.json, { signed_out: true }, ['signed out'])
}

/** The code that the browser brings. Whoever else finds the port has not the state, and is told nothing. */
function answered(listener: Server, state: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new MayflyError('denied', 'nobody signed in within five minutes: mayfly login')),
      patienceMs,
    )
    listener.on('request', (request, response) => {
      const query = new URL(request.url ?? '/', 'http://127.0.0.1').searchParams
      const code = query.get('code')
      const isOurs =
        request.method === 'GET' && code !== null && constantTimeEqual(query.get('state') ?? '', state)
      response
        .writeHead(isOurs ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
        .end(isOurs ? 'Signed in. You can close this page.\n' : '')
      if (!isOurs) return
      clearTimeout(timer)
      response.once('close', () => resolve(code))
    })
  })
}

/** As a convenience only: the URL was printed. */
function openBrowser(url: string): void {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  const child = spawn(program, [url], { stdio: 'ignore', detached: true })
  child.once('error', () => undefined)
  child.unref()
}
