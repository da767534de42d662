import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect } from 'node:tls'
import { createTestAuthority } from '../../test/certificates.ts'
import { MayflyError, ownUrl, serveCertificate } from './index.ts'

async function setup(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-tls-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const authority = await createTestAuthority(folder)
  const told: string[] = []
  const serve = (files: { cert: string; key: string }) => {
    const certificate = serveCertificate(files, { tell: (line) => told.push(line), pollMs: 10 })
    t.after(() => certificate.close())
    return certificate
  }
  return { folder, authority, told, serve }
}

async function heard(told: readonly string[], pattern: RegExp): Promise<void> {
  for (let tries = 0; tries < 1000 && !told.some((line) => pattern.test(line)); tries++)
    await new Promise((next) => setTimeout(next, 5))
  assert.match(told.join('\n'), pattern)
}

/** A server of its own that shows the certificate; what it shows to the next client. */
async function shownBy(t: TestContext, certificate: ReturnType<typeof serveCertificate>, caFile: string) {
  const server = createServer(certificate.pair, (_request, response) => response.end('ok'))
  certificate.follow(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return async (servername: string) => {
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', servername, ca: readFileSync(caFile) })
    await once(socket, 'secureConnect')
    socket.destroy()
  }
}

test('a pair that is replaced file by file is shown to the next client', async (t) => {
  const { folder, authority, told, serve } = await setup(t)
  const pair = await authority.issue('live', ['first.example'])
  const certificate = serve(pair)
  const show = await shownBy(t, certificate, authority.file)
  await show('first.example')
  const next = await authority.issue('next', ['second.example'])
  for (const [from, to] of [
    [next.cert, pair.cert],
    [next.key, pair.key],
  ] as const) {
    const partial = join(folder, 'partial')
    copyFileSync(from, partial)
    chmodSync(partial, 0o600)
    renameSync(partial, to)
  }
  await heard(told, /was read again/)
  await show('second.example')
  await assert.rejects(show('first.example'), /altnames|does not match/)
  assert.deepEqual(certificate.names, ['second.example'])
})

test('a folder that a link leads to is swapped, as Kubernetes does it', async (t) => {
  const { folder, authority, told, serve } = await setup(t)
  for (const name of ['one', 'two']) {
    const { cert, key } = await authority.issue(name, [`${name}.example`])
    mkdirSync(join(folder, `..${name}`))
    renameSync(cert, join(folder, `..${name}`, 'tls.crt'))
    renameSync(key, join(folder, `..${name}`, 'tls.key'))
  }
  symlinkSync('..one', join(folder, '..data'))
  const certificate = serve({ cert: join(folder, '..data/tls.crt'), key: join(folder, '..data/tls.key') })
  assert.deepEqual(certificate.names, ['one.example'])
  symlinkSync('..two', join(folder, '..new'))
  renameSync(join(folder, '..new'), join(folder, '..data'))
  await heard(told, /was read again/)
  assert.deepEqual(certificate.names, ['two.example'])
})

test('a new pair that is not good is told, and the old one stays until a good one comes', async (t) => {
  const { authority, told, serve } = await setup(t)
  const pair = await authority.issue('live', ['first.example'])
  const certificate = serve(pair)
  const show = await shownBy(t, certificate, authority.file)
  writeFileSync(pair.cert, 'not a certificate')
  await heard(told, /the one from before stays.*cannot be used for TLS/)
  await show('first.example')
  rmSync(pair.cert)
  await heard(told, /the one from before stays.*cannot be read/)
  await show('first.example')
  const other = await authority.issue('other', ['other.example'])
  copyFileSync(other.cert, pair.cert)
  await heard(told, /the one from before stays.*is not the key of the certificate/)
  await show('first.example')
  copyFileSync(other.key, pair.key)
  await heard(told, /was read again/)
  await show('other.example')
})

test('refused at the start: a key that others may read, two that do not belong together, what is no file', async (t) => {
  const { folder, authority, serve } = await setup(t)
  const pair = await authority.issue('live', ['first.example'])
  const other = await authority.issue('other', ['other.example'])
  const refused = (files: { cert: string; key: string }, pattern: RegExp) =>
    assert.throws(
      () => serve(files),
      (error) => error instanceof MayflyError && error.code === 'bad_input' && pattern.test(error.message),
    )
  refused({ cert: pair.cert, key: other.key }, /is not the key of the certificate/)
  refused({ cert: pair.cert, key: join(folder, 'none') }, /cannot be read/)
  refused({ cert: folder, key: pair.key }, /is no file/)
  refused({ cert: pair.key, key: pair.key }, /cannot be used for TLS/)
  for (const mode of [0o644, 0o604, 0o660]) {
    chmodSync(pair.key, mode)
    refused(pair, /is open to others \(mode 6\d\d\): chmod 600 it/)
  }
})

test('a certificate that has expired is served, and said', async (t) => {
  const { authority, told, serve } = await setup(t)
  serve(await authority.issue('old', ['old.example'], { notAfter: new Date(Date.now() - 60_000) }))
  assert.match(told.join(), /has expired .*renew it/)
})

test('our own URL: the certificate’s first name that is none of many, else the address', () => {
  const at = { host: '0.0.0.0', port: 7700 }
  assert.equal(ownUrl({ ...at, certificate: { names: ['a.example', '10.0.0.1'] } }), 'https://a.example:7700')
  assert.equal(ownUrl({ ...at, certificate: { names: ['::1'] } }), 'https://[::1]:7700')
  assert.equal(ownUrl({ ...at, host: '::1', certificate: undefined }), 'http://[::1]:7700')
})
