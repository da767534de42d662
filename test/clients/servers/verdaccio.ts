import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { makeCertificate } from '../../../demo/peers/git-server.ts'
import { findProgram } from '../suite.ts'

/** A real npm registry behind TLS that takes one account; nobody reads or writes without it. */
export interface Verdaccio extends AsyncDisposable {
  readonly dial: string
  readonly ca: string
  /** `user:password`. */
  readonly credential: string
  readonly seen: { method: string; url: string; status: number; headers: IncomingHttpHeaders }[]
  /** Puts a package there, past Mayfly. */
  publish(manifest: Readonly<Record<string, unknown>> & { name: string; version: string }): Promise<void>
  /** What is there. */
  packument(name: string): Promise<Record<string, unknown> | undefined>
}

export async function startVerdaccio(host: string): Promise<Verdaccio> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-verdaccio-'))
  const [user, password] = ['ci-bot', 'password-of-the-registry']
  const credential = `${user}:${password}`
  writeFileSync(
    join(folder, 'htpasswd'),
    `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}\n`,
  )
  const child = spawn(process.execPath, ['-e', script, packageFolder(), folder], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {},
  })
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString()
      const found = /^listening (\d+)$/m.exec(said)?.[1]
      if (found !== undefined) resolve(Number(found))
    })
    child.once('close', () => reject(new Error(`verdaccio ended: ${said.slice(-500)}`)))
  })
  const { ca, cert, key } = await makeCertificate(host)
  const seen: Verdaccio['seen'] = []
  const front = createServer({ cert, key }, (incoming, response) => {
    const record = {
      method: incoming.method ?? '',
      url: incoming.url ?? '',
      status: 0,
      headers: incoming.headers,
    }
    seen.push(record)
    const { method, url = '' } = incoming
    // The same registry is at a path, too, and its documents do not know that.
    const path = url.replace(/^\/private\//, '/')
    const headers = { ...incoming.headers, 'x-forwarded-proto': 'https' }
    const outgoing = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      record.status = answer.statusCode ?? 0
      response.writeHead(record.status, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  })
  await new Promise<void>((done) => front.listen(0, '127.0.0.1', done))
  const authorization = `Basic ${Buffer.from(credential).toString('base64')}`
  const url = (name: string) => `http://127.0.0.1:${port}/${name.replace('/', '%2f')}`
  return {
    dial: `127.0.0.1:${(front.address() as AddressInfo).port}`,
    ca,
    credential,
    seen,
    async publish(manifest) {
      const body = JSON.stringify(documentOf(manifest, packed(folder, manifest)))
      const headers = { authorization, 'content-type': 'application/json' }
      const answer = await fetch(url(manifest.name), { method: 'PUT', headers, body })
      if (!answer.ok) throw new Error(`verdaccio: ${answer.status} ${await answer.text()}`)
    },
    async packument(name) {
      const answer = await fetch(url(name), { headers: { authorization } })
      return answer.ok ? ((await answer.json()) as Record<string, unknown>) : undefined
    },
    async [Symbol.asyncDispose]() {
      front.closeAllConnections()
      front.close()
      const ended = new Promise((done) => child.once('close', done))
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Verdaccio's own program takes no port 0. */
const script = `
const [verdaccio, folder] = process.argv.slice(1)
const { runServer } = require(verdaccio)
const packages = { access: '$authenticated', publish: '$authenticated' }
runServer({
  storage: folder + '/storage',
  self_path: folder,
  auth: { htpasswd: { file: folder + '/htpasswd', max_users: -1 } },
  uplinks: {},
  packages: { '@*/*': packages, '**': packages },
  log: { type: 'stdout', format: 'json', level: 'fatal' },
  max_body_size: '100mb',
}).then((app) => {
  const server = app.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port))
})`

function packageFolder(): string {
  const program = findProgram('verdaccio')
  if (program === undefined) throw new Error('verdaccio is not on this machine (npm run peers)')
  return dirname(dirname(realpathSync(program)))
}

/** The file of a package with nothing in it but its manifest. */
function packed(folder: string, manifest: { name: string; version: string }): Buffer {
  const root = mkdtempSync(join(folder, 'pack-'))
  mkdirSync(join(root, 'package'))
  writeFileSync(join(root, 'package/package.json'), JSON.stringify(manifest))
  writeFileSync(join(root, 'package/index.js'), `module.exports = ${JSON.stringify(manifest.version)}\n`)
  execFileSync('tar', ['-czf', 'package.tgz', 'package'], { cwd: root })
  return readFileSync(join(root, 'package.tgz'))
}

/** What `npm publish` sends. */
export function documentOf(
  manifest: { name: string; version: string },
  tarball: Buffer,
): Record<string, unknown> {
  const { name, version } = manifest
  const file = `${name}-${version}.tgz`
  const dist = {
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    shasum: createHash('sha1').update(tarball).digest('hex'),
    tarball: `http://registry.invalid/${name}/-/${file}`,
  }
  return {
    _id: name,
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
    access: null,
    _attachments: {
      [file]: {
        content_type: 'application/octet-stream',
        data: tarball.toString('base64'),
        length: tarball.length,
      },
    },
  }
}
