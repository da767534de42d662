import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CloudError, createAwsClient } from '../../clouds/index.ts'
import { createAwsKmsHolder } from './aws-kms.ts'
import type { KeyHolder } from './holder.ts'
import { createCheckedSigner, keyHolder } from './index.ts'
import { behaves, folderOf, http, pinsOf } from './service.fixture.ts'

const softhsm = '/usr/lib/softhsm/libsofthsm2.so'
const hasModule =
  existsSync(softhsm) && existsSync('/usr/bin/pkcs11-tool') && existsSync('/usr/bin/softhsm2-util')

test(
  'pkcs11: keys of SoftHSM',
  { skip: hasModule ? false : 'SoftHSM or OpenSC is not installed' },
  async (t) => {
    const { run, tokens, holder, named } = module(t)
    const make = (id: string, type: string) =>
      run('--keypairgen', '--key-type', type, '--id', id, '--label', 'attest', '--usage-sign')
    // All have one label, which says nothing.
    make('02', 'EC:secp384r1')
    make('01', 'EC:prime256v1')
    make('03', 'EC:prime256v1')
    const pins = pinsOf(t)
    const one = await behaves(t, holder('01'), pins)
    assert.notDeepEqual(await behaves(t, holder('03'), pins), one)

    const signer = createCheckedSigner(holder('01'), pins)
    const many = await Promise.all(Array.from({ length: 6 }, (_, i) => signer.sign(Buffer.from(String(i)))))
    assert.equal(new Set(many.map((signature) => signature.toString('hex'))).size, 6)

    let pin = '9999'
    const typed = createCheckedSigner(
      holder('01', () => pin),
      pins,
    )
    // The module would lock itself after some tries.
    for (const message of [/takes this PIN not/, /not tried again/, /not tried again/])
      await assert.rejects(typed.sign(Buffer.from('m')), { code: 'credential_failed', message })
    pin = '1234'
    await typed.sign(Buffer.from('m'))
    await assert.rejects(createCheckedSigner(holder('0a'), pins).sign(Buffer.from('m')), {
      ...{
        code: 'upstream_unreachable',
        message: /the key 0a of token mayfly cannot be used.*pkcs11-tool said: .*not found/,
      },
    })
    await assert.rejects(createCheckedSigner(holder('02'), pins).publicKey(), {
      ...{ code: 'attest_key', message: /none of P-256/ },
    })

    // Somebody puts another key behind the id.
    for (const type of ['privkey', 'pubkey']) run('--delete-object', '--type', type, '--id', '01')
    make('01', 'EC:prime256v1')
    await assert.rejects(createCheckedSigner(holder('01'), pins).sign(Buffer.from('m')), {
      ...{ code: 'attest_key', message: /is another one/ },
    })

    assert.throws(() => named('01', { environment: ['SOFTHSM2_CONF'], variables: {} }), {
      code: 'config_invalid',
      message: /environment names SOFTHSM2_CONF, which is not set/,
    })
    // Without its configuration SoftHSM does not know the token.
    await assert.rejects(
      named('01', { environment: [], variables: { SOFTHSM2_CONF: '/not/handed/on' } }).publicKey(),
      (error: Error) =>
        /`environment` names them.*pkcs11-tool said: /.test(error.message) && !error.message.includes('1234'),
    )

    renameSync(tokens, `${tokens}.away`)
    mkdirSync(tokens)
    await assert.rejects(createCheckedSigner(holder('01'), pins).sign(Buffer.from('m')), {
      ...{ code: 'upstream_unreachable', message: /tried again later/ },
    })
  },
)

function module(t: TestContext) {
  const folder = folderOf(t)
  const tokens = join(folder, 'tokens')
  mkdirSync(tokens)
  const conf = join(folder, 'softhsm2.conf')
  writeFileSync(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\n`)
  const variables = { SOFTHSM2_CONF: conf }
  const env = { ...process.env, ...variables }
  const program = (name: string, ...args: string[]) =>
    execFileSync(name, args, { env, stdio: 'pipe', timeout: 30_000 })
  program('softhsm2-util', '--init-token', '--free', '--label', 'mayfly', '--pin', '1234', '--so-pin', '5678')
  const login = ['--module', softhsm, '--token-label', 'mayfly', '--login', '--pin', '1234']
  const pinFile = join(folder, 'pin')
  writeFileSync(pinFile, '1234')
  const openSecret = () => Promise.reject(new Error('no secret'))
  const named = (id: string, of: { environment: string[]; variables: Record<string, string> }) =>
    keyHolder(
      { pkcs11: { module: softhsm, token: 'mayfly', id, pin_file: pinFile, environment: of.environment } },
      { http, variables: of.variables, openSecret },
    )
  return {
    tokens,
    run: (...args: string[]) => program('pkcs11-tool', ...login, ...args),
    /** As attest.yaml names it. */
    named,
    holder(id: string, pin = () => '1234'): KeyHolder {
      const by = named(id, { environment: ['SOFTHSM2_CONF'], variables: { ...variables, OTHER: 'x' } })
      return {
        ...by,
        sign(signed) {
          writeFileSync(pinFile, pin())
          return by.sign(signed)
        },
      }
    },
  }
}

const moto = join(process.env['HOME'] ?? '/nowhere', '.cache/mayfly-tests/moto/bin/moto_server')

test(
  'aws-kms: keys of moto’s server',
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
    const call = (operation: string, input: Record<string, unknown>) =>
      aws.call('kms', `TrentService.${operation}`, input)
    // To what has no answer moto answers null, AWS nothing.
    const change = (operation: string, input: Record<string, unknown>) =>
      call(operation, input).catch((error: unknown) => {
        if (!(error instanceof CloudError) || error.status !== 200) throw error
      })
    const make = async (KeySpec: string) =>
      ((await call('CreateKey', { KeySpec, KeyUsage: 'SIGN_VERIFY' }))['KeyMetadata'] as { KeyId: string })
        .KeyId
    const [one, other] = [await make('ECC_NIST_P256'), await make('ECC_NIST_P256')]
    const alias = { AliasName: 'alias/attest' }
    await change('CreateAlias', { ...alias, TargetKeyId: one })
    const pins = pinsOf(t)
    const signer = () => createCheckedSigner(createAwsKmsHolder({ aws, key: 'alias/attest' }), pins)
    assert.deepEqual(await signer().publicKey(), await createAwsKmsHolder({ aws, key: one }).publicKey())

    // moto 5.2 signs the digest's base64 and not the digest (holders.test.ts has what AWS documents): such a signature is not used.
    await assert.rejects(signer().sign(Buffer.from('m')), {
      code: 'credential_failed',
      message: /was not used/,
    })
    await change('UpdateAlias', { ...alias, TargetKeyId: other })
    await assert.rejects(signer().sign(Buffer.from('m')), { code: 'attest_key', message: /is another one/ })

    const large = createAwsKmsHolder({ aws, key: await make('ECC_NIST_P384') })
    await assert.rejects(large.publicKey(), { code: 'attest_key', message: /none of ECC_NIST_P256/ })
    await assert.rejects(createAwsKmsHolder({ aws, key: 'no-such' }).publicKey(), {
      code: 'credential_failed',
    })
    server.kill('SIGKILL')
    await new Promise((next) => server.once('exit', next))
    await assert.rejects(signer().sign(Buffer.from('m')), { code: 'upstream_unreachable' })
  },
)

async function freePort(): Promise<number> {
  const server = createServer()
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
