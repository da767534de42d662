import assert from 'node:assert/strict'
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAwsClient, createAzureClient, createGcpClient } from '../../clouds/index.ts'
import { createTransitClient } from '../../key-services/index.ts'
import { MayflyError, Secret } from '../../lib/index.ts'
import { createAwsKmsHolder } from './aws-kms.ts'
import { createAzureKeyVaultHolder } from './azure-key-vault.ts'
import { crc32c } from './crc32c.ts'
import { createGcpKmsHolder } from './gcp-kms.ts'
import type { KeyHolder, ToSign } from './holder.ts'
import { createKeyFileHolder, createSecretHolder } from './pem-key.ts'
import {
  behaves,
  folderOf,
  http,
  newKey,
  pemOf,
  rawOf,
  signDigest,
  spkiOf,
  standIn,
  type Answer,
} from './service.fixture.ts'
import { keyHolder } from './index.ts'
import { createTransitHolder } from './transit.ts'

const toSign: ToSign = { message: Buffer.from('m'), digest: Buffer.alloc(32, 7) }

/** Nothing that was sent stands in the error; the digest neither. */
async function refuses(work: Promise<unknown>, code: string, said: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof MayflyError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, said)
    for (const encoding of ['base64', 'base64url'] as const)
      assert.ok(!error.message.includes(toSign.digest.toString(encoding)))
    assert.doesNotMatch(error.message, /s\.token|Bearer/)
    return true
  })
}

const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' })

test('key-file: for its owner only, and of P-256', async (t) => {
  const folder = folderOf(t)
  const file = join(folder, 'signer.pem')
  await refuses(
    createKeyFileHolder(file).sign(toSign),
    'credential_failed',
    /cannot be read.*openssl genpkey/,
  )
  const { privateKey } = newKey()
  writeFileSync(file, pkcs8(privateKey), { mode: 0o600 })
  assert.deepEqual(await behaves(t, createKeyFileHolder(file)), spkiOf(privateKey))
  const deps = { http, variables: {}, openSecret: () => Promise.reject(new Error('no secret')) }
  assert.deepEqual(await behaves(t, keyHolder({ 'key-file': { path: file } }, deps)), spkiOf(privateKey))
  chmodSync(file, 0o640)
  await refuses(
    createKeyFileHolder(file).sign(toSign),
    'attest_key',
    /open to others \(mode 640\): chmod 600/,
  )
  chmodSync(file, 0o600)
  symlinkSync(file, join(folder, 'link'))
  await refuses(createKeyFileHolder(join(folder, 'link')).sign(toSign), 'credential_failed', /cannot be read/)
  await refuses(createKeyFileHolder(folder).sign(toSign), 'attest_key', /is no file/)
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
  for (const text of [pkcs8(rsa), locked, pemOf(privateKey), 'no key', pkcs8(privateKey).slice(0, 90)]) {
    writeFileSync(file, text)
    await refuses(createKeyFileHolder(file).sign(toSign), 'attest_key', /no private key of P-256 in PEM/)
  }
  writeFileSync(file, pkcs8(newKey('P-384').privateKey))
  await refuses(behaves(t, createKeyFileHolder(file)), 'attest_key', /a key of secp384r1/)
})

test('secret: the same in the vault', async (t) => {
  const { privateKey } = newKey()
  const open = (name: string) =>
    name === 'attest/signer'
      ? Promise.resolve(new Secret(pkcs8(privateKey).trimEnd()))
      : Promise.reject(new MayflyError('secret_missing', `there is no secret ${name}`))
  assert.deepEqual(await behaves(t, createSecretHolder('attest/signer', open)), spkiOf(privateKey))
  await refuses(createSecretHolder('other', open).publicKey(), 'secret_missing', /no secret other/)
  await refuses(
    createSecretHolder('attest/signer', () => Promise.resolve(new Secret('hunter2-hunter2'))).publicKey(),
    'attest_key',
    /the secret attest\/signer is no private key/,
  )
})

// A stand-in, from AWS KMS's API reference (Sign of a digest, GetPublicKey).
test('aws-kms: signs a digest, and tells its key', async (t) => {
  const { privateKey } = newKey()
  const url = await standIn(t, ({ headers, body }) => {
    assert.equal(body['KeyId'], 'alias/attest')
    if (headers['x-amz-target'] === 'TrentService.GetPublicKey')
      return {
        json: {
          ...{ KeyId: 'arn', KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
          ...{ SigningAlgorithms: ['ECDSA_SHA_256'], PublicKey: spkiOf(privateKey).toString('base64') },
        },
      }
    assert.equal(headers['x-amz-target'], 'TrentService.Sign')
    assert.deepEqual([body['MessageType'], body['SigningAlgorithm']], ['DIGEST', 'ECDSA_SHA_256'])
    const signature = signDigest(t, privateKey, Buffer.from(String(body['Message']), 'base64'))
    return { json: { KeyId: 'arn', Signature: signature.toString('base64') } }
  })
  assert.deepEqual(
    await behaves(t, createAwsKmsHolder({ aws: awsAt(url), key: 'alias/attest' })),
    spkiOf(privateKey),
  )
})

function awsAt(endpoint: string) {
  const credentials = () => Promise.resolve({ accessKeyId: 'a', secretAccessKey: 'b' })
  return createAwsClient({ http, region: 'eu-central-1', endpoint, credentials })
}

// A stand-in, from the same reference's errors.
test('aws-kms: what it refuses is said with what to do', async (t) => {
  const answers: Answer[] = []
  const url = await standIn(t, () => answers.shift() ?? { status: 500, json: {} })
  const holder = createAwsKmsHolder({ aws: awsAt(url), key: 'alias/attest' })
  const says = async (__type: string, code: string, said: RegExp, status = 400) => {
    answers.push({ status, json: { __type, message: `m ${toSign.digest.toString('base64')}` } })
    await refuses(holder.sign(toSign), code, said)
  }
  await says(
    'DisabledException',
    'credential_failed',
    /AWS KMS key alias\/attest: it is disabled: aws kms enable-key/,
  )
  await says('KMSInvalidStateException', 'credential_failed', /cancel-key-deletion/)
  await says('NotFoundException', 'credential_failed', /it is not there/)
  await says('InvalidKeyUsageException', 'credential_failed', /ECC_NIST_P256 for SIGN_VERIFY/)
  await says('AccessDeniedException', 'credential_failed', /kms:Sign and kms:GetPublicKey/)
  await says('ThrottlingException', 'upstream_unreachable', /tried again later/)
  await says('KMSInternalException', 'upstream_unreachable', /tried again later/, 500)
  await says('KeyUnavailableException', 'upstream_unreachable', /tried again later/, 500)
  for (const json of [{}, { Signature: 7 }, { Signature: 'not base64!' }]) {
    answers.push({ json })
    await refuses(holder.sign(toSign), 'credential_failed', /answered without Signature/)
  }
  for (const json of [
    { KeyUsage: 'SIGN_VERIFY', KeySpec: 'ECC_NIST_P384', PublicKey: 'AAAA' },
    { KeyUsage: 'KEY_AGREEMENT', KeySpec: 'ECC_NIST_P256', PublicKey: 'AAAA' },
  ]) {
    answers.push({ json })
    await refuses(holder.publicKey(), 'attest_key', /none of ECC_NIST_P256 for SIGN_VERIFY/)
  }
})

const version = 'projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/3'

// A stand-in, from Google Cloud KMS's reference (REST v1) and "Verifying end-to-end data integrity".
test('gcp-kms: asymmetricSign and getPublicKey, each way held to its CRC32C', async (t) => {
  const { privateKey } = newKey()
  let change: Readonly<Record<string, unknown>> = {}
  let refusal: Answer | undefined
  const url = await standIn(t, ({ method, path, body, headers }) => {
    if (headers['authorization'] !== 'Bearer t')
      return { status: 401, json: { error: { status: 'UNAUTHENTICATED' } } }
    if (refusal !== undefined) return refusal
    if (method === 'GET' && path === `/v1/${version}/publicKey`) {
      const pem = pemOf(privateKey)
      const plain = { pem, pemCrc32c: String(crc32c(Buffer.from(pem))), algorithm: 'EC_SIGN_P256_SHA256' }
      return { json: { name: version, ...plain, ...change } }
    }
    assert.equal(`${method} ${path}`, `POST /v1/${version}:asymmetricSign`)
    const digest = Buffer.from((body['digest'] as { sha256: string }).sha256, 'base64')
    assert.equal(body['digestCrc32c'], String(crc32c(digest)))
    const signature = signDigest(t, privateKey, digest)
    const plain = { signature: signature.toString('base64'), signatureCrc32c: String(crc32c(signature)) }
    return { json: { name: version, verifiedDigestCrc32c: true, ...plain, ...change } }
  })
  const gcp = createGcpClient({ http, token: () => Promise.resolve('t') })
  const holder = createGcpKmsHolder({ gcp, key: version, endpoint: url })
  assert.deepEqual(await behaves(t, holder), spkiOf(privateKey))

  for (const [changed, code, said] of [
    [{ verifiedDigestCrc32c: false }, 'upstream_unreachable', /changed on the way/],
    [{ signatureCrc32c: '1' }, 'upstream_unreachable', /changed on the way/],
    [{ signatureCrc32c: undefined }, 'upstream_unreachable', /changed on the way/],
    [{ name: version.replace('/3', '/4') }, 'credential_failed', /for another key/],
    [{ signature: '%' }, 'credential_failed', /without signature/],
  ] as const) {
    change = changed
    await refuses(holder.sign(toSign), code, said)
  }
  for (const [changed, code, said] of [
    [{ pemCrc32c: '1' }, 'upstream_unreachable', /changed on the way/],
    [{ algorithm: 'EC_SIGN_P384_SHA384' }, 'attest_key', /none of EC_SIGN_P256_SHA256/],
    [{ pem: undefined }, 'credential_failed', /without a public key in PEM/],
  ] as const) {
    change = changed
    await refuses(holder.publicKey(), code, said)
  }
  change = {}
  for (const [status, name, code, said] of [
    [400, 'FAILED_PRECONDITION', 'credential_failed', /this version is not enabled/],
    [403, 'PERMISSION_DENIED', 'credential_failed', /roles\/cloudkms\.signerVerifier/],
    [404, 'NOT_FOUND', 'credential_failed', /it is not there/],
    [429, 'RESOURCE_EXHAUSTED', 'upstream_unreachable', /tried again later/],
    [503, 'UNAVAILABLE', 'upstream_unreachable', /tried again later/],
  ] as const) {
    refusal = {
      status,
      json: { error: { status: name, message: `no: ${toSign.digest.toString('base64')}` } },
    }
    await refuses(holder.sign(toSign), code, said)
  }
})

// A stand-in, from Azure Key Vault's published reference (7.4).
test('azure-key-vault: sign with ES256 by the version that is named, and its key', async (t) => {
  const { privateKey } = newKey()
  const id = 'a1'.repeat(16)
  let refusal: Answer | undefined
  let kind: Readonly<Record<string, unknown>> = { kty: 'EC-HSM', crv: 'P-256' }
  const url = await standIn(t, ({ method, path, body, headers }) => {
    if (path.startsWith('/msi')) return { json: { access_token: 't', expires_in: '3600' } }
    if (headers['authorization'] !== 'Bearer t') return { status: 401, json: {} }
    if (refusal !== undefined) return refusal
    if (`${method} ${path}` === `GET /keys/k/${id}?api-version=7.4`) {
      const { x, y } = privateKey.export({ format: 'jwk' })
      return { json: { key: { kid: `${url}/keys/k/${id}`, ...kind, x, y }, attributes: { enabled: true } } }
    }
    assert.equal(`${method} ${path}`, `POST /keys/k/${id}/sign?api-version=7.4`)
    assert.equal(body['alg'], 'ES256')
    const raw = rawOf(signDigest(t, privateKey, Buffer.from(String(body['value']), 'base64url')))
    return { json: { kid: `${url}/keys/k/${id}`, value: raw.toString('base64url') } }
  })
  const identity = { kind: 'managed', endpoint: `${url}/msi`, header: 'h' } as const
  const azure = createAzureClient({ http, identity })
  const holder = createAzureKeyVaultHolder({ azure, vault: `${url}/`, key: 'k', version: id })
  assert.deepEqual(await behaves(t, holder), spkiOf(privateKey))
  for (const other of [{ kty: 'RSA' }, { kty: 'EC', crv: 'P-256K' }, { kty: 'EC', crv: 'P-384' }, {}]) {
    kind = other
    await refuses(holder.publicKey(), 'attest_key', /no key of P-256/)
  }
  const says = async (status: number, code: string, message: string, as: string, said: RegExp) => {
    refusal = { status, json: { error: { code, message } } }
    await refuses(holder.sign(toSign), as, said)
  }
  const disabled = 'Operation sign is not allowed on a disabled key.'
  await says(
    403,
    'Forbidden',
    disabled,
    'credential_failed',
    /it is disabled: az keyvault key set-attributes/,
  )
  await says(
    403,
    'Forbidden',
    'Operation sign is not allowed on an expired key.',
    'credential_failed',
    /dates/,
  )
  await says(403, 'Forbidden', 'Caller is not authorized', 'credential_failed', /keys\/get and keys\/sign/)
  await says(
    409,
    'Conflict',
    'Key is currently in a deleted but recoverable state',
    'credential_failed',
    /recover/,
  )
  await says(404, 'KeyNotFound', 'was not found', 'credential_failed', /it is not there/)
  await says(429, 'Throttled', 'busy', 'upstream_unreachable', /tried again later/)
  refusal = { json: { value: Buffer.alloc(96).toString('base64url') } }
  await refuses(holder.sign(toSign), 'credential_failed', /no signature of ES256/)
})

// A stand-in, from OpenBao's published API (transit).
test('transit: sign and key of the version that is named', async (t) => {
  const { privateKey } = newKey()
  let refusal: Answer | undefined
  let type = 'ecdsa-p256'
  let signs = 'vault:v2:'
  const url = await standIn(t, ({ method, path, body, headers }) => {
    if (headers['x-vault-token'] !== 's.token')
      return { status: 403, json: { errors: ['permission denied'] } }
    if (refusal !== undefined) return refusal
    if (`${method} ${path}` === 'GET /v1/transit/keys/attest')
      return {
        json: {
          data: {
            type,
            keys: { 1: { public_key: pemOf(newKey().publicKey) }, 2: { public_key: pemOf(privateKey) } },
          },
        },
      }
    assert.equal(`${method} ${path}`, 'POST /v1/transit/sign/attest')
    const { prehashed, hash_algorithm, marshaling_algorithm, key_version, input } = body
    assert.deepEqual(
      { prehashed, hash_algorithm, marshaling_algorithm, key_version },
      { prehashed: true, hash_algorithm: 'sha2-256', marshaling_algorithm: 'asn1', key_version: 2 },
    )
    const signature = signDigest(t, privateKey, Buffer.from(String(input), 'base64'))
    return { json: { data: { signature: `${signs}${signature.toString('base64')}` } } }
  })
  const at = (token: string, keyVersion = 2): KeyHolder =>
    createTransitHolder({
      ...{ key: 'attest', mount: 'transit', version: keyVersion },
      transit: createTransitClient({ http, url, auth: { token: () => new Secret(token) } }),
    })
  assert.deepEqual(await behaves(t, at('s.token')), spkiOf(privateKey))
  await refuses(
    at('s.other').sign(toSign),
    'credential_failed',
    /403.*its policy has update on transit\/sign\/attest/,
  )
  await refuses(at('s.other').publicKey(), 'credential_failed', /has read on transit\/keys\/attest/)
  await refuses(at('s.token', 3).publicKey(), 'credential_failed', /version 3 is not there.*trimmed/)
  signs = 'vault:v1:'
  await refuses(at('s.token').sign(toSign), 'credential_failed', /no signature by this version/)
  type = 'ed25519'
  await refuses(at('s.token').publicKey(), 'attest_key', /none of type ecdsa-p256/)
  for (const [status, error, code, said] of [
    [
      400,
      'requested version for signing is less than the minimum encryption key version',
      'credential_failed',
      /min_encryption_version/,
    ],
    [400, 'signing key not found', 'credential_failed', /name another one/],
    [503, 'Vault is sealed', 'upstream_unreachable', /tried again later/],
    [429, 'busy', 'upstream_unreachable', /tried again later/],
  ] as const) {
    refusal = { status, json: { errors: [error] } }
    await refuses(at('s.token').sign(toSign), code, said)
  }
})

test('a service that is away: nothing is signed, and it may be asked again', async (t) => {
  const nobody = 'http://127.0.0.1:9'
  const holders: KeyHolder[] = [
    createAwsKmsHolder({ aws: awsAt(nobody), key: 'k' }),
    createGcpKmsHolder({
      gcp: createGcpClient({ http, token: () => Promise.resolve('t') }),
      ...{ key: version, endpoint: nobody },
    }),
    createTransitHolder({
      transit: createTransitClient({ http, url: nobody, auth: { token: () => new Secret('s.token') } }),
      ...{ key: 'k', mount: 'transit', version: 1 },
    }),
  ]
  for (const holder of holders) await refuses(behaves(t, holder), 'upstream_unreachable', /does not answer/)
})
