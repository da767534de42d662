import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer, request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocketServer } from 'ws'
import { createTestAuthority } from '../../certificates.ts'
import { freePort, untilAnswers } from '../../clients/servers/tls-front.ts'
import { findProgram } from '../../clients/suite.ts'

/**
 * A real kube-apiserver on a real etcd. There is no kubelet, so exec is answered by a stand-in in front of it, which speaks
 * `v5.channel.k8s.io` (or v4) to clients and says what it was asked; everything else is the server's.
 */
export interface Cluster extends AsyncDisposable {
  readonly dial: string
  readonly ca: string
  /** Bearer tokens that requests showed. */
  readonly tokens: Set<string>
  /** Connections that exec has open. */
  readonly execs: () => number
  /** kubectl as an administrator. */
  kubectl(args: readonly string[], input?: object): string
  /** What the server says to somebody who shows this token. */
  statusOf(token: string): Promise<number>
}

export const clusterHost = 'cluster.example.org'
export const makerToken = 'maker-4711'
const rootToken = 'root-4711'

/** `users`: names of users by further tokens that the server takes. */
export async function startCluster(users: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-cluster-'))
  const authority = await createTestAuthority(join(folder, 'ca'))
  const pair = await authority.issue('cluster', [clusterHost, 'localhost'])
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()]
  const etcd = start('etcd', [
    ...['--data-dir', join(folder, 'etcd'), '--log-level', 'error'],
    ...['--listen-client-urls', `http://127.0.0.1:${etcdPort}`],
    ...['--advertise-client-urls', `http://127.0.0.1:${etcdPort}`],
    ...['--listen-peer-urls', `http://127.0.0.1:${peerPort}`],
  ])
  await untilAnswers(etcdPort, etcd)
  const server = start('kube-apiserver', apiserverArgs(folder, pair, { etcdPort, port, users }))
  const ca = readFileSync(authority.file, 'utf8')
  const front = await startFront({ pair, ca, port })
  const config = join(folder, 'kubeconfig')
  writeFileSync(config, JSON.stringify(adminConfig(port, authority.file)))
  const kubectl: Cluster['kubectl'] = (args, input) =>
    execFileSync(findProgram('kubectl') ?? '', ['--kubeconfig', config, ...args], {
      ...{ encoding: 'utf8', env: { HOME: folder }, timeout: 60_000, stdio: 'pipe' },
      ...(input === undefined ? {} : { input: JSON.stringify(input) }),
    })
  await untilReady(() => kubectl(['get', '--raw', '/readyz']), server)
  return {
    ...front,
    ca,
    kubectl,
    async [Symbol.asyncDispose]() {
      front.close()
      for (const one of [server, etcd]) {
        one.kill('SIGKILL')
        if (one.exitCode === null && one.signalCode === null)
          await new Promise((done) => one.once('exit', done))
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function start(program: string, args: readonly string[]): ChildProcess {
  return spawn(findProgram(program) ?? '', args, { stdio: 'ignore' })
}

function apiserverArgs(
  folder: string,
  pair: { readonly cert: string; readonly key: string },
  {
    etcdPort,
    port,
    users,
  }: { readonly etcdPort: number; readonly port: number; readonly users: Readonly<Record<string, string>> },
): string[] {
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const further = Object.entries(users).map(([token, name]) => `${token},${name},${name}`)
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    ...[`--secure-port=${port}`, '--bind-address=127.0.0.1', '--endpoint-reconciler-type=none'],
    ...[`--cert-dir=${folder}`, `--tls-cert-file=${pair.cert}`, `--tls-private-key-file=${pair.key}`],
    ...['--service-cluster-ip-range=10.0.0.0/24', '--disable-admission-plugins=ServiceAccount'],
    '--service-account-issuer=https://cluster.example.org',
    `--service-account-key-file=${file('sa.pub', keys.publicKey)}`,
    `--service-account-signing-key-file=${file('sa.key', keys.privateKey)}`,
    '--authorization-mode=RBAC',
    `--token-auth-file=${file('tokens.csv', [`${rootToken},root,1,system:masters`, `${makerToken},maker,2`, ...further, ''].join('\n'))}`,
  ]
}

function adminConfig(port: number, ca: string): object {
  return {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'one' },
    clusters: [
      { name: 'one', cluster: { server: `https://localhost:${port}`, 'certificate-authority': ca } },
    ],
    users: [{ name: 'root', user: { token: rootToken } }],
    contexts: [{ name: 'one', context: { cluster: 'one', user: 'root' } }],
  }
}

async function untilReady(ask: () => string, server: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (server.exitCode !== null) throw new Error(`kube-apiserver ended with ${server.exitCode}`)
    try {
      if (ask() === 'ok') return
    } catch {
      // Not yet.
    }
    await new Promise((next) => setTimeout(next, 200))
  }
  throw new Error('kube-apiserver is not ready after a minute')
}

interface Front extends Pick<Cluster, 'dial' | 'tokens' | 'execs' | 'statusOf'> {
  close(): void
}

async function startFront({
  pair,
  ca,
  port,
}: {
  readonly pair: { readonly cert: string; readonly key: string }
  readonly ca: string
  readonly port: number
}): Promise<Front> {
  const tokens = new Set<string>()
  const behind = { host: '127.0.0.1', port, ca, servername: clusterHost }
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (asked) => [...asked].find((one) => /^v[45]\.channel\.k8s\.io$/.test(one)) ?? false,
  })
  const server = createServer(
    { cert: readFileSync(pair.cert), key: readFileSync(pair.key) },
    (request, response) => {
      const { method, url, headers } = request
      tokens.add(headers.authorization?.replace('Bearer ', '') ?? '')
      const inner = httpsRequest({ ...behind, method, path: url, headers, agent: false }, (answer) => {
        response.writeHead(answer.statusCode ?? 0, answer.headers)
        response.flushHeaders()
        answer.pipe(response)
      })
      inner.on('error', () => response.destroy())
      response.once('close', () => inner.destroy())
      request.pipe(inner)
    },
  )
  server.on('upgrade', (request: IncomingMessage, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (opened) => {
      const { searchParams } = new URL(request.url ?? '', 'https://cluster')
      const command = searchParams.getAll('command')
      opened.send(Buffer.from(`\x01ran ${JSON.stringify(command)}\n`))
      if (command[0] === 'sleep') return
      opened.send(Buffer.from(`\x03${JSON.stringify({ metadata: {}, status: 'Success' })}`))
      opened.close(1000)
    }),
  )
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    dial: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokens,
    execs: () => sockets.clients.size,
    statusOf: (token) =>
      new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}` }
        httpsRequest({ ...behind, path: '/api', headers, agent: false }, (answer) => {
          answer.resume()
          resolve(answer.statusCode ?? 0)
        })
          .on('error', reject)
          .end()
      }),
    close() {
      for (const one of sockets.clients) one.terminate()
      server.closeAllConnections()
      server.close()
    },
  }
}
