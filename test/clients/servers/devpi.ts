import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { findProgram } from '../suite.ts'
import { freePort, frontWithTls, untilAnswers } from './tls-front.ts'

/** A devpi with one index, root/dev, that knows pages in JSON and keeps what was published. */
export interface Devpi extends AsyncDisposable {
  readonly dial: string
  readonly ca: string
  readonly credential: string
}

export async function startDevpi(host: string): Promise<Devpi> {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-devpi-'))
  await using started = new AsyncDisposableStack()
  started.defer(() => rmSync(root, { recursive: true, force: true }))
  const password = createHash('sha256').update(String(Math.random())).digest('hex')
  const program = realpathSync(findProgram('devpi-server') ?? '')
  const script = 'from devpi_server.init import init; init()'
  const folder = ['--serverdir', join(root, 'data')]
  execFileSync(
    join(dirname(program), 'python3'),
    ['-c', script, ...folder, '--no-root-pypi', '--root-passwd', password],
    { stdio: 'ignore', timeout: 60_000 },
  )
  const port = await freePort()
  const server = spawn(program, [...folder, '--host', '127.0.0.1', '--port', String(port)], {
    stdio: 'ignore',
  })
  started.defer(() => void server.kill('SIGKILL'))
  await untilAnswers(port, server)
  await makeIndex(`http://127.0.0.1:${port}`, password)
  const { dial, ca, close } = await frontWithTls(host, port)
  started.defer(close)
  const running = started.move()
  return { dial, ca, credential: `root:${password}`, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function makeIndex(url: string, password: string): Promise<void> {
  const headers = { accept: 'application/json' }
  const login = await fetch(`${url}/+login`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ user: 'root', password }),
  })
  const { result } = (await login.json()) as { result: { password: string } }
  const auth = Buffer.from(`root:${result.password}`).toString('base64')
  const made = await fetch(`${url}/root/dev`, {
    method: 'PUT',
    headers: { ...headers, 'x-devpi-auth': auth },
    body: JSON.stringify({ type: 'stage', volatile: true, bases: [] }),
  })
  if (!made.ok) throw new Error(`devpi makes no index: ${made.status}`)
}
