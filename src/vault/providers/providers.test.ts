import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  constants,
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect, createServer as createSocketServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createAwsClient, createAzureClient, createGcpClient } from '../../clouds/index.ts'
import { createHttpClient } from '../../http-client/index.ts'
import { createTransitClient, type TransitOptions } from '../../key-services/index.ts'
import { MayflyError, Secret } from '../../lib/index.ts'
import type { KeyProvider } from '../provider.ts'
import { createAwsKmsProvider } from './aws-kms.ts'
import { createAzureKeyVaultProvider } from './azure-key-vault.ts'
import { createGcpKmsProvider } from './gcp-kms.ts'
import { createPassphraseProvider } from './passphrase.ts'
import { createPkcs11Provider } from './pkcs11.ts'
import { createTransitProvider } from './transit.ts'

const http = createHttpClient()
const key = randomBytes(32)

/** What every provider must do: it opens what it wrapped, in its context alone, and shows nothing of it. */
async function behaves(provider: KeyProvider, again = provider): Promise<string> {
  const wrapped = await provider.wrap(key, 'root a')
  assert.deepEqual(await again.unwrap(wrapped, 'root a'), key)
  assert.equal(wrapped.includes(key.toString('base64')), false)
  await assert.rejects(
    again.unwrap(wrapped, 'root b'),
    (error) => error instanceof MayflyError && ['vault_key', 'credential_failed'].includes(error.code),
  )
  return wrapped
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-provider-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('passphrase: its parameters stand beside, a wrong one is said as such, and it is used once', async () => {
  const cost = { n: 2 ** 4, r: 8, p: 1 }
  const provider = createPassphraseProvider({ describe: 'by hand', cost })
  const give = (text: string) => provider.give?.(new Secret(text))
  give('correct horse battery')
  const wrapped = await provider.wrap(key, 'root a')
  const { n, r, p, kdf } = JSON.parse(wrapped) as Record<string, unknown>
  assert.deepEqual({ n, r, p, kdf }, { ...cost, kdf: 'scrypt' })
  await assert.rejects(provider.unwrap(wrapped, 'root a'), {
    code: 'vault_sealed',
    message: /waits for its passphrase/,
  })
  give('correct horse batterY')
  await assert.rejects(provider.unwrap(wrapped, 'root a'), {
    code: 'vault_key',
    message: /not the passphrase/,
  })
  give('correct horse battery')
  assert.deepEqual(await provider.unwrap(wrapped, 'root a'), key)
  give('short')
  await assert.rejects(provider.wrap(key, 'root a'), { code: 'bad_input', message: /12 characters/ })
  await behaves(
    createPassphraseProvider({ describe: 'f', cost, read: () => new Secret('of a file, and long') }),
  )
})

test('passphrase: parameters that would take all memory are refused before they are used', async () => {
  const provider = createPassphraseProvider({
    describe: 'f',
    read: () => new Secret('correct horse battery'),
  })
  for (const cost of [
    { n: 2 ** 30, r: 8, p: 1 },
    { n: 2 ** 20, r: 16, p: 1 },
    { n: 2, r: 8, p: 1_000_000 },
  ])
    await assert.rejects(
      provider.unwrap(JSON.stringify({ kdf: 'scrypt', salt: 'AAAA', sealed: 'AAAA', ...cost }), 'c'),
      { code: 'vault_key', message: /damaged/ },
    )
})

type Asked = {
  path: string
  headers: Record<string, string | string[] | undefined>
  body: Record<string, unknown>
}

async function peer(t: TestContext, answer: (asked: Asked) => { status?: number; json: unknown }) {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(pieces).toString() || '{}') as Record<string, unknown>
      const { status = 200, json } = answer({ path: request.url ?? '', headers: request.headers, body })
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
    })
  })
  await new Promise<void>((next) => server.listen(0, '127.0.0.1', next))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** AES-256-GCM as key services do it: what it made opens with the same associated data alone. */
function keyService() {
  const own = randomBytes(32)
  const aad = (text: unknown) => Buffer.from(typeof text === 'string' ? text : '', 'base64')
  return {
    encrypt(plain: unknown, context: unknown): string {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', own, nonce).setAAD(aad(context))
      return Buffer.concat([nonce, cipher.update(aad(plain)), cipher.final(), cipher.getAuthTag()]).toString(
        'base64',
      )
    },
    decrypt(sealed: unknown, context: unknown): string | undefined {
      const bytes = aad(sealed)
      const decipher = createDecipheriv('aes-256-gcm', own, bytes.subarray(0, 12)).setAAD(aad(context))
      decipher.setAuthTag(bytes.subarray(-16))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('base64')
      } catch {
        return undefined
      }
    },
  }
}

// Written from OpenBao's published API (transit, and the jwt auth method).
test('transit: by a token and by a JWT, with associated data; its refusal and its absence', async (t) => {
  const service = keyService()
  let isAway = false
  let refusal: { status: number; json: object } | undefined
  const url = await peer(t, ({ path, headers, body }) => {
    if (refusal !== undefined) return refusal
    if (isAway) return { status: 503, json: { errors: ['Vault is sealed'] } }
    if (path === '/v1/auth/jwt/login')
      return body['jwt'] === 'a.b.c' && body['role'] === 'mayfly'
        ? { json: { auth: { client_token: 'made' } } }
        : { status: 400, json: { errors: [`bad token ${String(body['jwt'])}`] } }
    if (
      !['s.token', 'made'].includes(String(headers['x-vault-token'])) ||
      headers['x-vault-namespace'] !== 'ns'
    )
      return { status: 403, json: { errors: ['permission denied'] } }
    if (path === '/v1/transit/encrypt/mayfly')
      return {
        json: {
          data: { ciphertext: `vault:v1:${service.encrypt(body['plaintext'], body['associated_data'])}` },
        },
      }
    const plaintext = service.decrypt(
      String(body['ciphertext']).slice('vault:v1:'.length),
      body['associated_data'],
    )
    return plaintext === undefined
      ? { status: 400, json: { errors: ['cipher: message authentication failed'] } }
      : { json: { data: { plaintext } } }
  })
  const provider = (auth: TransitOptions['auth']) =>
    createTransitProvider({
      transit: createTransitClient({ http, url, namespace: 'ns', auth }),
      key: 'mayfly',
      mount: 'transit',
    })
  const byToken = provider({ token: () => new Secret('s.token') })
  const jwt = (text: string) => ({ jwt: () => new Secret(text), role: 'mayfly', mount: 'jwt' })
  const wrapped = await behaves(byToken, provider(jwt('a.b.c')))
  const wrong = provider({ token: () => new Secret('s.other') })
  await assert.rejects(wrong.unwrap(wrapped, 'root a'), {
    code: 'credential_failed',
    message:
      /403: permission denied: check the token, and that its policy has update on transit\/decrypt\/mayfly/,
  })
  // In the words of OpenBao 2.6.2.
  for (const [status, says, advice] of [
    [400, 'ciphertext or signature version is disallowed by policy (too old)', /lower it, .*vault rekey/],
    [400, 'encryption key not found', /check the key’s name, the mount and the namespace/],
    [404, 'no handler for route "x/decrypt/mayfly"', /check the key’s name, the mount/],
    [
      400,
      "'[0].associated_data' provided for non-AEAD cipher suite rsa-4096",
      /must be of type aes256-gcm96/,
    ],
  ] as const) {
    refusal = { status, json: { errors: [says] } }
    await assert.rejects(byToken.unwrap(wrapped, 'root a'), { code: 'credential_failed', message: advice })
  }
  refusal = undefined
  await assert.rejects(provider(jwt('x.y.z')).unwrap(wrapped, 'root a'), (error) => {
    assert.ok(error instanceof MayflyError && error.code === 'credential_failed')
    assert.doesNotMatch(error.message, /x\.y\.z/)
    assert.match(error.message, /check the role, its bound_audiences/)
    return true
  })
  isAway = true
  await assert.rejects(byToken.unwrap(wrapped, 'root a'), {
    code: 'upstream_unreachable',
    message: /Vault is sealed: it is tried again/,
  })
})

// Written from Google Cloud KMS's published reference (REST v1).
test('gcp-kms: encrypt and decrypt with additional authenticated data', async (t) => {
  const service = keyService()
  const name = 'projects/p/locations/global/keyRings/r/cryptoKeys/k'
  const url = await peer(t, ({ path, body, headers }) => {
    if (headers['authorization'] !== 'Bearer t')
      return { status: 401, json: { error: { status: 'UNAUTHENTICATED' } } }
    const context = body['additionalAuthenticatedData']
    if (path === `/v1/${name}:encrypt`)
      return { json: { name, ciphertext: service.encrypt(body['plaintext'], context) } }
    const plaintext = service.decrypt(body['ciphertext'], context)
    return plaintext === undefined
      ? { status: 400, json: { error: { status: 'INVALID_ARGUMENT', message: 'Decryption failed' } } }
      : { json: { plaintext } }
  })
  const gcp = createGcpClient({ http, token: () => Promise.resolve('t') })
  await behaves(createGcpKmsProvider({ gcp, key: name, endpoint: url }))
})

// Written from Azure Key Vault's published reference (7.4).
test('azure-key-vault: wrapkey and unwrapkey, with the version that wrapped, and in no other vault', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
  const asked: string[] = []
  const url = await peer(t, ({ path, body }) => {
    if (path.startsWith('/msi')) return { json: { access_token: 't', expires_in: '3600' } }
    asked.push(path)
    const value = Buffer.from(String(body['value']), 'base64url')
    const made = path.startsWith('/keys/k/wrapkey')
      ? publicEncrypt({ key: publicKey, ...oaep }, value)
      : privateDecrypt({ key: privateKey, ...oaep }, value)
    return { json: { kid: `${url}/keys/k/v1`, value: made.toString('base64url') } }
  })
  const azure = createAzureClient({
    http,
    identity: { kind: 'managed', endpoint: `${url}/msi`, header: 'h' },
  })
  const provider = createAzureKeyVaultProvider({ azure, vault: `${url}/`, key: 'k' })
  const wrapped = await behaves(provider)
  assert.deepEqual(asked.slice(0, 2), [
    '/keys/k/wrapkey?api-version=7.4',
    '/keys/k/v1/unwrapkey?api-version=7.4',
  ])
  const elsewhere = wrapped.replace(`${url}/keys/k/`, 'http://127.0.0.1:1/keys/k/')
  await assert.rejects(provider.unwrap(elsewhere, 'root a'), {
    code: 'vault_key',
    message: /was not wrapped by/,
  })
})

const softhsm = '/usr/lib/softhsm/libsofthsm2.so'
const hasModule =
  existsSync(softhsm) && existsSync('/usr/bin/pkcs11-tool') && existsSync('/usr/bin/softhsm2-util')

test(
  'pkcs11: a key of SoftHSM',
  { skip: hasModule ? false : 'SoftHSM or OpenSC is not installed' },
  async (t) => {
    const folder = folderOf(t)
    mkdirSync(join(folder, 'tokens'))
    const conf = join(folder, 'softhsm2.conf')
    writeFileSync(conf, `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\n`)
    const variables = { SOFTHSM2_CONF: conf }
    const env = { ...process.env, ...variables }
    const run = (program: string, ...args: string[]) =>
      execFileSync(program, args, { env, stdio: 'pipe', timeout: 30_000 })
    run('softhsm2-util', '--init-token', '--free', '--label', 'mayfly', '--pin', '1234', '--so-pin', '5678')
    run(
      'pkcs11-tool',
      ...['--module', softhsm, '--token-label', 'mayfly', '--login', '--pin', '1234'],
      ...['--keypairgen', '--key-type', 'rsa:2048', '--label', 'vault', '--usage-decrypt'],
    )
    const options = { module: softhsm, token: 'mayfly', key: 'vault', hash: 'sha1', variables } as const
    const provider = createPkcs11Provider({ ...options, pin: () => new Secret('1234') })
    const wrapped = await behaves(provider)
    const wrongPin = createPkcs11Provider({ ...options, pin: () => new Secret('9999') })
    await assert.rejects(wrongPin.unwrap(wrapped, 'root a'), {
      code: 'credential_failed',
      message: /takes this PIN not/,
    })
    // Further key pairs: by its label alone the program would decrypt with whichever it finds first.
    for (const [key, id] of Object.entries({ one: '0a', two: '0b' })) {
      run(
        'pkcs11-tool',
        ...['--module', softhsm, '--token-label', 'mayfly', '--login', '--pin', '1234', '--keypairgen'],
        ...['--key-type', 'rsa:2048', '--label', key, '--id', id, '--usage-decrypt'],
      )
      await behaves(createPkcs11Provider({ ...options, key, id, pin: () => new Secret('1234') }))
    }
    const away = createPkcs11Provider({ ...options, token: 'other', pin: () => new Secret('1234') })
    await assert.rejects(
      away.unwrap(wrapped, 'root a'),
      (error) => error instanceof MayflyError && /other/.test(error.message),
    )
  },
)

const moto = join(process.env['HOME'] ?? '/nowhere', '.cache/mayfly-tests/moto/bin/moto_server')

test(
  'aws-kms: a key of moto’s server',
  { skip: existsSync(moto) ? false : 'moto is not installed (npm run test:whole installs it, with Python)' },
  async (t) => {
    const port = await freePort()
    const server = spawn(moto, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
    t.after(() => server.kill('SIGKILL'))
    await answers(port)
    const aws = createAwsClient({
      ...{ http, region: 'eu-central-1', endpoint: `http://127.0.0.1:${port}` },
      credentials: () => Promise.resolve({ accessKeyId: 'a', secretAccessKey: 'b' }),
    })
    const made = async () =>
      ((await aws.call('kms', 'TrentService.CreateKey', {}))['KeyMetadata'] as { KeyId: string }).KeyId
    const provider = createAwsKmsProvider({ aws, key: await made() })
    const wrapped = await behaves(provider)
    await assert.rejects(createAwsKmsProvider({ aws, key: 'no-such' }).unwrap(wrapped, 'root a'), {
      code: 'credential_failed',
    })
    server.kill('SIGKILL')
    await new Promise((next) => server.once('exit', next))
    await assert.rejects(provider.unwrap(wrapped, 'root a'), { code: 'upstream_unreachable' })
  },
)

async function freePort(): Promise<number> {
  const server = createSocketServer()
  await new Promise<void>((next) => server.listen(0, '127.0.0.1', next))
  const { port } = server.address() as AddressInfo
  await new Promise((next) => server.close(next))
  return port
}

async function answers(port: number): Promise<void> {
  for (let i = 0; i < 600; i++) {
    const isUp = await new Promise((next) => {
      const socket = connect(port, '127.0.0.1', () => next(true)).on('error', () => next(false))
      socket.on('close', () => socket.destroy())
      socket.end()
    })
    if (isUp === true) return
    await new Promise((next) => setTimeout(next, 50))
  }
  throw new Error('moto does not come up')
}
