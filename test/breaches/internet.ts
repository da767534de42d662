import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { serveGit } from '../../demo/peers/git-server.ts'
import { addressOf, nameServer } from './hosts.ts'
import type { Registry } from './registry.ts'

/** What arrived: at an attacker's host, as a repository made, a package published, a shell opened, a name asked for. */
export interface Catch {
  readonly by: string
  readonly path: string
  readonly body: string
}

export interface Internet {
  readonly caught: Catch[]
  close(): Promise<void>
}

/** Programs that a job fetches, by host and path. */
export type Pages = Readonly<Record<string, string>>

/** Starts everything that listens. `credential` is the victim's, for its Git host, its API and its registry. */
export async function startInternet(deps: {
  folder: string
  gitRoot: string
  credential: string
  npmToken: string
  registry: Registry
  pages: Pages
}): Promise<Internet> {
  const caught: Catch[] = []
  const take = (by: string, path: string, body: string) => void caught.push({ by, path, body })
  const basic = `Basic ${Buffer.from(deps.credential).toString('base64')}`
  const token = deps.credential.split(':')[1] ?? ''

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const host = (request.headers.host ?? '').split(':')[0] ?? ''
    const path = request.url ?? '/'
    const { authorization } = request.headers
    if (host === 'git.example.com') {
      if (authorization !== basic)
        return void response
          .writeHead(401, { 'www-authenticate': 'Basic realm="git"' })
          .end('a password is needed\n')
      return serveGit(deps.gitRoot, request, response)
    }
    const body = await buffer(request)
    if (host === 'registry.example.com') {
      if (request.method !== 'PUT') return deps.registry.answer(path, response)
      // Its own token, or one of the CI's, as trusted publishing has it.
      const shown = authorization?.replace('Bearer ', '') ?? ''
      const may = shown === deps.npmToken || shown.split('.').length === 3
      if (may) take('published', path, body.toString())
      return void response.writeHead(may ? 201 : 401).end('{}')
    }
    if (host === 'api.example.com') {
      const may = authorization === `token ${token}`
      if (may) take('repository', path, body.toString())
      return void response.writeHead(may ? 201 : 401).end('{}')
    }
    const page = deps.pages[`${host}${path}`]
    take(host, path, body.toString())
    response.writeHead(200).end(page ?? 'thank you\n')
  }
  const handle = (request: IncomingMessage, response: ServerResponse) =>
    void answer(request, response).catch(() => response.destroy())
  const keys = {
    cert: readFileSync(join(deps.folder, 'ca/hosts.pem')),
    key: readFileSync(join(deps.folder, 'ca/hosts.key')),
  }
  const shell = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    socket.write('echo "shell of $GITHUB_JOB"; exit\n')
    socket.on('data', (text) => take('shell', '', String(text)))
  })
  const web = [createTlsServer(keys, handle).listen(443), createServer(handle).listen(80)]
  shell.listen(8000, addressOf('c2.example.net'))
  const names = createSocket('udp4', (question) => take('name server', '', labelsOf(question))).bind(
    53,
    nameServer,
  )
  await Promise.all([...web, shell, names].map((one) => new Promise((done) => one.once('listening', done))))
  return {
    caught,
    async close() {
      names.close()
      shell.close()
      for (const server of web) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}

/** The name that a DNS query asks for (RFC 1035, section 4.1.2). */
function labelsOf(question: Buffer): string {
  const labels: string[] = []
  for (let at = 12; at < question.length;) {
    const length = question[at] ?? 0
    if (length === 0) break
    labels.push(question.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return labels.join('.')
}
