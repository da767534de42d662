import { spawn, spawnSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import { createServer as createTcpServer, connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { createTestAuthority, type TestAuthority } from '../certificates.ts'

/** A container registry (distribution, as Debian's docker-registry) with TLS and a login. */
export interface Registry {
  readonly dial: string
  /** The certificate authority of all its hosts, PEM. */
  readonly ca: string
  /** `user:password`. */
  readonly credential: string
  /** Where its tokens come from, if it takes tokens. */
  readonly tokenHost: string | undefined
  /** A key whose tokens it takes, if it takes tokens: PEM. */
  readonly signer: { readonly key: string; readonly certificate: string }
  /** Scopes that tokens were asked for, in order. */
  readonly scopes: string[]
  /** The digest that a tag names, as its disk has it. */
  tag(repository: string, name: string): string | undefined
  /** Whether its disk has a blob or manifest linked in the repository. */
  has(repository: string, digest: string): boolean
  [Symbol.asyncDispose](): Promise<void>
}

const program = 'docker-registry'
const credential = 'ci:correct-horse'
/** bcrypt of that password: the registry takes no other form. */
const htpasswd = 'ci:$2b$04$qXt0Y68iIG93nO4RC2rejOf1F1z0vKlzpr3RrebNaf1yRUqQCPXo.\n'

/** Why no registry can be started here. */
export function noRegistry(): string | false {
  return spawnSync(program, ['--version']).status === 0
    ? false
    : `${program} is not here: apt-get install ${program}`
}

/** `login`: by password (HTTP Basic), or by tokens of a server of their own. */
export async function startRegistry(
  folder: string,
  host: string,
  login: 'basic' | 'token',
): Promise<Registry> {
  await using started = new AsyncDisposableStack()
  mkdirSync(folder, { recursive: true })
  const authority = await createTestAuthority(join(folder, 'ca'))
  const scopes: string[] = []
  const tokens = login === 'token' ? await startTokenServer(authority, scopes) : undefined
  if (tokens !== undefined) started.defer(() => void tokens.server.close())
  const pair = await authority.issue('registry', [host, 'localhost'])
  writeFileSync(join(folder, 'htpasswd'), htpasswd)
  const signer = await authority.issue('signer', ['signer'])
  const bundle = join(folder, 'bundle.pem')
  writeFileSync(bundle, `${readFileSync(authority.file, 'utf8')}\n${readFileSync(signer.cert, 'utf8')}`)
  const port = await freePort()
  const auth =
    tokens === undefined
      ? { htpasswd: { realm: 'registry', path: join(folder, 'htpasswd') } }
      : {
          token: {
            realm: `https://${tokens.host}/token`,
            service: 'the registry',
            issuer: 'tokens',
            rootcertbundle: bundle,
          },
        }
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    auth,
    http: {
      addr: `127.0.0.1:${port}`,
      secret: 'of the upload states',
      tls: { certificate: pair.cert, key: pair.key },
    },
  }
  // JSON is YAML.
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config))
  const child = spawn(program, ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  started.defer(() => {
    child.kill('SIGKILL')
    return ended
  })
  await Promise.race([listening(port), ended.then(() => Promise.reject(new Error(`${program} ended`)))])
  const running = started.move()
  const data = join(folder, 'data/docker/registry/v2/repositories')
  return {
    dial: `127.0.0.1:${port}`,
    ca: readFileSync(authority.file, 'utf8'),
    credential,
    tokenHost: tokens?.host,
    signer: { key: readFileSync(signer.key, 'utf8'), certificate: readFileSync(signer.cert, 'utf8') },
    scopes,
    tag(repository, name) {
      const link = join(data, repository, '_manifests/tags', name, 'current/link')
      return existsSync(link) ? readFileSync(link, 'utf8') : undefined
    },
    has: (repository, digest) =>
      ['_layers', '_manifests/revisions'].some((folder) =>
        existsSync(join(data, repository, folder, digest.replace(':', '/'), 'link')),
      ),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

interface TokenServer {
  readonly host: string
  readonly server: Server
}

/** Docker's token server, as far as distribution's documentation goes: who shows the password gets what is asked for. */
async function startTokenServer(authority: TestAuthority, scopes: string[]): Promise<TokenServer> {
  const pair = await authority.issue('tokens', ['localhost'])
  const [cert, pem] = [readFileSync(pair.cert, 'utf8'), readFileSync(pair.key, 'utf8')]
  const x5c = [cert.replaceAll(/-----[A-Z ]+-----|\s/g, '')]
  const expected = `Basic ${Buffer.from(credential).toString('base64')}`
  const server = createServer({ cert, key: pem }, (request, response) => {
    if (request.headers.authorization !== expected) return void response.writeHead(401).end()
    const asked = new URL(request.url ?? '', 'https://localhost').searchParams.getAll('scope')
    scopes.push(...asked)
    const access = asked.map((scope) => {
      const [type = '', name = '', actions = ''] = scope.split(':')
      return { type, name, actions: actions.split(',') }
    })
    new SignJWT({ access })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', x5c })
      .setIssuer('tokens')
      .setAudience('the registry')
      .setSubject('ci')
      .setJti(crypto.randomUUID())
      .setIssuedAt()
      .setNotBefore('-1s')
      .setExpirationTime('60s')
      .sign(createPrivateKey(pem))
      .then((token) => response.end(JSON.stringify({ token, expires_in: 60 })))
      .catch(() => response.writeHead(500).end())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { host: `localhost:${(server.address() as AddressInfo).port}`, server }
}

async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>((done) => {
      const socket = connect(port, '127.0.0.1', () => done(true))
      socket.on('error', () => done(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await new Promise((next) => setTimeout(next, 20))
  }
}

/** Shell that makes an image in the OCI layout, as a build does, with a layer of so many random bytes; `$digest` is its manifest's. */
export const makeLayout = `layout() {
  mkdir -p $1/blobs/sha256; echo '{"imageLayoutVersion":"1.0.0"}' >$1/oci-layout
  add() { hex=$(sha256sum <$2 | cut -d' ' -f1); size=$(stat -c %s $2); mv $2 $1/blobs/sha256/$hex; }
  head -c $2 /dev/urandom >/tmp/layer; add $1 /tmp/layer; local layer=$hex layerSize=$size
  printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' $layer >/tmp/config
  add $1 /tmp/config; local config=$hex configSize=$size t=application/vnd.oci.image
  printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"%s","digest":"sha256:%s","size":%s}]}' \
    $t.manifest.v1+json $t.config.v1+json $config $configSize $t.layer.v1.tar $layer $layerSize >/tmp/manifest
  add $1 /tmp/manifest; digest=sha256:$hex
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"x"}}]}' $t.manifest.v1+json $digest $size >$1/index.json
}
`
