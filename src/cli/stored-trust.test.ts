import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createHeldKeySigner, createKeySigner } from '../attest/sign/index.ts'
import { day, setupTrust, who } from '../attest/trust/trust.fixture.ts'
import { fetchRoot } from './attest-fetch.ts'
import { verifyAll, type VerifyOptions } from './verify/verify.ts'

const content = 'what was built\n'
const sha256 = createHash('sha256').update(content).digest('hex')
const statement = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'app.tgz', digest: { sha256 } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        ...{
          buildType: 'urn:mayfly:step:v1',
          externalParameters: { role: 'build', source: { repositoryId: '74' } },
        },
        internalParameters: { issuer: { url: who.issuer } },
      },
    },
  }),
)

/** A server that shows its trust document, and a folder with what was built there. */
async function world(t: TestContext, of: Parameters<typeof setupTrust>[1] = {}) {
  const trust = await setupTrust(t, of)
  await trust.keeper.sweep()
  const http = createServer(async (request, response) => {
    const [, version] = /\/trust\/(\d+)$/.exec(request.url ?? '') ?? []
    const envelope =
      version === undefined ? trust.keeper.inForce()?.envelope : await trust.keeper.version(Number(version))
    response.setHeader('content-type', 'application/json').end(envelope)
  })
  await new Promise<void>((ready) => http.listen(0, '127.0.0.1', ready))
  const server = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-stored-'))
  const config = process.env['XDG_CONFIG_HOME']
  process.env['XDG_CONFIG_HOME'] = join(folder, 'config')
  t.after(async () => {
    if (config === undefined) delete process.env['XDG_CONFIG_HOME']
    else process.env['XDG_CONFIG_HOME'] = config
    await new Promise((closed) => http.close(closed).closeAllConnections())
    rmSync(folder, { recursive: true })
  })
  const at = (name: string) => join(folder, name)
  writeFileSync(at('app.tgz'), content)
  const [said, output, errors] = [[] as string[], process.stdout.write, process.stderr.write]
  return {
    ...{ ...trust, at, server },
    /** As on a command line; what it printed. */
    async fetch(options: Omit<Parameters<typeof fetchRoot>[0], 'json' | 'server'>): Promise<string> {
      said.length = 0
      const keep = (text: string | Uint8Array) => said.push(String(text)) > 0
      process.stdout.write = keep
      process.stderr.write = keep
      try {
        await fetchRoot({ json: false, server, ...options })
      } finally {
        process.stdout.write = output
        process.stderr.write = errors
      }
      return said.join('')
    },
    async verify(policy: string, more: Partial<VerifyOptions> = {}): Promise<string> {
      writeFileSync(at('verify.yaml'), `${policy}\nrequire: { role: build }\n`)
      const options = { json: true, policy: at('verify.yaml'), ...more }
      const [outcome] = await verifyAll([at('app.tgz')], options)
      return outcome?.result === 'verified' ? 'verified' : (outcome?.reasons.join('\n') ?? '')
    },
  }
}

test('by a key without certificates: what root fetch writes is what verify takes, and what cosign and openssl take', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = createKeySigner(privateKey, 'a key of the test')
  const { at, log, keeper, fetch, verify, server } = await world(t, { outer: { signer } })
  const by = createHeldKeySigner({ log, check: keeper.check, signer })
  writeFileSync(at('app.tgz.sigstore.json'), (await by.statement(statement, who)).json)

  const options = { document: at('trust.json'), rootOut: at('root.pub'), keysOut: at('keys') }
  assert.match(await fetch(options), /version 1 of the trust document.*\n.*trust\.json: the trust document\n/)
  assert.equal(await verify('root: root.pub\ntrust_document: trust.json'), 'verified')
  assert.equal(await verify(`root: root.pub\nserver: ${server}`), 'verified')
  assert.match(await fetch({ out: at('root.json') }), /keys sign there without certificates.*--document/)
  assert.match(
    await verify('trusted_root: root.json'),
    /stand in the trust document, not in a trusted root of Sigstore \(unknown_key\)\n.*never in a trusted root.* --root FILE with --trust-document FILE[^\n]*$/,
  )
  const [file = '', ...more] = readdirSync(at('keys'))
  assert.equal(more.length, 0)
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  assert.equal(readFileSync(join(at('keys'), file), 'utf8'), pem)
  assert.ok((await keeper.keys()).some(({ key }) => file === `${key.slice(0, 16)}.pem`))

  // cosign and openssl would go on to take it.
  const revoked = (await keeper.keys()).find(({ key }) => file === `${key.slice(0, 16)}.pem`)
  await keeper.revoke({ key: revoked?.key ?? '', fromMs: undefined, reason: 'stolen', by: {} })
  writeFileSync(join(at('keys'), 'own.pem'), 'of somebody else')
  const told = await fetch(options)
  assert.match(told, /key [0-9a-f]{16} was revoked from .* on \(stolen\): .*\.pem was removed/)
  assert.match(told, /no key signs there without a certificate: none is written/)
  assert.deepEqual(readdirSync(at('keys')), ['own.pem'])
  assert.match(await fetch({ ...options, keysOut: at('new') }), /\(stolen\): it is left out/)
  assert.deepEqual(readdirSync(at('new')), [])
})

test('after the root key was handed on, a document that the key of --root did not sign is not written beside it', async (t) => {
  const { at, keeper, fetch, verify } = await world(t)
  await fetch({ document: at('trust.json'), rootOut: at('root.pub') })
  const before = readFileSync(at('trust.json'), 'utf8')
  await keeper.rotateRoot({})
  // The document that hands it on is signed by both; none that follows is.
  await keeper.rotateAuthority({ now: true, by: {} })
  const options = { root: at('root.pub'), document: at('trust.json') }
  await assert.rejects(fetch({ ...options, out: at('root.json') }), {
    ...{ code: 'denied', message: /was handed on.*nothing was written. With --root-out FILE/ },
  })
  assert.equal(readFileSync(at('trust.json'), 'utf8'), before)
  assert.ok(!readdirSync(at('.')).includes('root.json'))

  await fetch({ document: at('trust.json') })
  const policy = 'root: root.pub\ntrust_document: trust.json'
  await assert.rejects(verify(policy), {
    message:
      /wrong_root\).*mayfly attest root fetch --server URL --root .*root\.pub --document .* --root-out/,
  })
  await fetch({ ...options, rootOut: at('root.pub') })
  assert.match(await verify(policy), /no attestation was found/)
  await fetch(options)
})

test('a root that is stored says how old it is, and how a newer one is had, where it does not know who signed', async (t) => {
  const { it, at, keeper, fetch, verify, signing } = await world(t)
  const both = { out: at('root.json'), document: at('trust.json'), rootOut: at('root.pub') }
  await fetch(both)
  assert.match(
    await fetch({ document: at('with-keys.json'), keysOut: at('keys') }),
    /no key signs there without a certificate: none is written(.|\n)*with-keys\.json: the trust document/,
  )
  assert.deepEqual(readdirSync(at('keys')), [])
  await keeper.rotateAuthority({ now: true, by: {} })
  writeFileSync(at('app.tgz.sigstore.json'), (await signing().statement(statement, who)).json)
  const today = new Date().toISOString().slice(0, 10)
  const anew = 'mayfly attest root fetch --server https://mayfly.example.com'
  assert.match(
    await verify('trusted_root: root.json'),
    new RegExp(
      `\\(untrusted_certificate\\)\\nthe trusted root in .* newer than ${today}.*${anew} --root FILE -o .*root\\.json$`,
    ),
  )
  const document = 'root: root.pub\ntrust_document: trust.json'
  assert.match(
    await verify(document),
    new RegExp(
      `\\nthe trust document in .* is version 1 of ${today}; a newer one: ${anew} --root .*root\\.pub --document .*trust\\.json$`,
    ),
  )
  await fetch(both)
  for (const policy of ['trusted_root: root.json', document]) assert.equal(await verify(policy), 'verified')
  // What it knows and refuses has nothing to do with its age.
  writeFileSync(
    at('other.json'),
    readFileSync(at('app.tgz.sigstore.json'), 'utf8').replace('"sig":"', '"sig":"A'),
  )
  assert.doesNotMatch(await verify(document, { bundle: [at('other.json')] }), /root fetch/)

  // Of a document that is old it is told, and one that has ended says when.
  t.mock.timers.enable({ apis: ['Date'], now: it.clock.ms + 40 * day })
  const errors = t.mock.method(process.stderr, 'write', () => true)
  assert.equal(await verify(document), 'verified')
  assert.match(
    String(errors.mock.calls[0]?.arguments[0]),
    /is version 2 of .*, 40 days old: what was revoked since/,
  )
  assert.equal(await verify('trusted_root: root.json'), 'verified')
  assert.match(
    String(errors.mock.calls[1]?.arguments[0]),
    /root\.json was written \d\d days ago: what was revoked/,
  )
  t.mock.timers.setTime(it.clock.ms + 91 * day)
  await assert.rejects(verify(document), {
    ...{
      code: 'denied',
      message: /version 2 of \d{4}-.*, and ended on \d{4}-.*: fetch a newer one, mayfly attest root/,
    },
  })
})
