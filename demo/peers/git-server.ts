import { execFileSync, spawn } from 'node:child_process'
import { webcrypto } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
// @peculiar/x509 needs it, and before itself.
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'

/**
 * A private Git server: git's own http-backend behind Basic auth and TLS. Who shows no credential, or another
 * one, gets 401 and nothing else.
 */
export interface GitServer {
  /** The name that steps use; it resolves nowhere, so only the gateway finds the way. */
  readonly url: string
  readonly host: string
  readonly dial: string
  /** PEM of the CA that signed the server's certificate. */
  readonly ca: string
  /** `user:password`. */
  readonly credential: string
  readonly root: string
  /** Requests that came, with what they showed: for tests that nothing unasked for arrives. */
  readonly seen: { method: string; path: string; authorization: string | undefined; status: number }[]
  close(): Promise<void>
}

export async function startGitServer(options: {
  root: string
  host: string
  credential: string
}): Promise<GitServer> {
  const { root, host, credential } = options
  const { ca, cert, key } = await makeCertificate(host)
  const expected = `Basic ${Buffer.from(credential).toString('base64')}`
  const seen: GitServer['seen'] = []
  const server = createServer({ cert, key }, (request, response) => {
    const record = {
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: request.headers.authorization,
      status: 0,
    }
    seen.push(record)
    response.once('finish', () => (record.status = response.statusCode))
    if (request.headers.authorization !== expected) {
      response
        .writeHead(401, { 'www-authenticate': 'Basic realm="git"', 'content-type': 'text/plain' })
        .end('a password is needed\n')
      return
    }
    serveGit(root, request, response)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `https://${host}`,
    host,
    dial: `127.0.0.1:${port}`,
    ca,
    credential,
    root,
    seen,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

/** CGI (RFC 3875) to `git http-backend`. */
export function serveGit(root: string, request: IncomingMessage, response: ServerResponse): void {
  const target = new URL(request.url ?? '/', 'https://git')
  const child = spawn('git', ['http-backend'], {
    // A group of its own: git starts http-backend as a child, and both have to go.
    detached: true,
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'ci',
      REQUEST_METHOD: request.method,
      PATH_INFO: target.pathname,
      QUERY_STRING: target.search.slice(1),
      CONTENT_TYPE: request.headers['content-type'],
      CONTENT_LENGTH: request.headers['content-length'],
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
      GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'http.receivepack',
      GIT_CONFIG_VALUE_0: 'true',
      GIT_CONFIG_KEY_1: 'safe.directory',
      GIT_CONFIG_VALUE_1: '*',
    },
  })
  child.on('error', () => response.destroy())
  child.stdin.on('error', () => undefined)
  // A request that was cut leaves http-backend reading for the rest of it, at full speed and for good.
  request.once('close', () => {
    if (request.complete || child.pid === undefined || child.exitCode !== null) return
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has just ended.
    }
  })
  request.pipe(child.stdin)
  // A request that is broken off ends as one that is whole would: git has to see for itself that something is missing.
  request.once('close', () => child.stdin.end())
  let head = Buffer.alloc(0)
  const readHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) return
    child.stdout.off('data', readHead)
    for (const line of head.subarray(0, end).toString('latin1').split('\r\n')) {
      const [, name = '', value = ''] = /^([^:]+): *(.*)$/.exec(line) ?? []
      if (name.toLowerCase() === 'status') response.statusCode = Number(value.slice(0, 3))
      else response.setHeader(name, value)
    }
    response.write(head.subarray(end + 4))
    child.stdout.pipe(response)
  }
  child.stdout.on('data', readHead)
}

/** Makes a bare repository out of a folder and the story of its commits. */
export function makeRepository(options: {
  root: string
  path: string
  source: string
  history: string
}): void {
  const { root, path, source } = options
  const bare = join(root, `${path}.git`)
  const work = join(root, '.work', path)
  mkdirSync(work, { recursive: true })
  const git = (args: string[], env: Record<string, string> = {}) =>
    execFileSync('git', args, {
      cwd: work,
      env: { ...process.env, ...env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
      stdio: 'pipe',
    })
  git(['init', '-q', '-b', 'main'])
  const commits = JSON.parse(readFileSync(options.history, 'utf8')) as {
    message: string
    author: string
    date: string
    files: string[]
  }[]
  for (const { message, author, date, files } of commits) {
    const [, name = '', email = ''] = /^(.*) <(.*)>$/.exec(author) ?? []
    for (const file of files) {
      mkdirSync(dirname(join(work, file)), { recursive: true })
      cpSync(join(source, file), join(work, file))
    }
    git(['add', '--', ...files])
    const who = {
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
      GIT_COMMITTER_DATE: date,
    }
    git(['commit', '-q', '-m', message], who)
  }
  git(['clone', '-q', '--bare', work, bare])
}

/** A CA and a server certificate for one name, for a day. */
export async function makeCertificate(host: string): Promise<{ ca: string; cert: string; key: string }> {
  x509.cryptoProvider.set(webcrypto as never)
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
  const times = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) }
  const caKeys = await webcrypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=Private Git CA',
    ...times,
    keys: caKeys as never,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  })
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: '02',
    subject: `CN=${host}`,
    issuer: ca.subject,
    ...times,
    publicKey: keys.publicKey as never,
    signingKey: caKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }])],
  })
  const key = x509.PemConverter.encode(
    await webcrypto.subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  )
  return { ca: ca.toString('pem'), cert: cert.toString('pem'), key }
}
