import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createHeldKeySigner, createKeySigner } from '../../src/attest/sign/index.ts'
import { setupTrust, who } from '../../src/attest/trust/trust.fixture.ts'

const missing = ['jq', 'openssl'].filter((name) => spawnSync(name, ['--version']).error !== undefined)
const skip = missing.length === 0 ? false : `not on this machine: ${missing.join(', ')}`

const page = readFileSync(join(import.meta.dirname, '../../docs/verify.md'), 'utf8')
const recipe = /<a id="openssl"><\/a>[^]*?```sh\n([^]*?)```/.exec(page)?.[1] ?? ''
const ofSums = /`(openssl dgst -sha256 -verify key\.pem [^`]*SHA256SUMS)`/.exec(page)?.[1] ?? ''

const content = 'what was built\n'
const statement = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'app.tgz', digest: { sha256: createHash('sha256').update(content).digest('hex') } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
  }),
)

/** A folder as a user has it, and the page's own text, run in it. */
async function world(t: TestContext, of: Parameters<typeof setupTrust>[1] = {}) {
  const trust = await setupTrust(t, of)
  await trust.keeper.sweep()
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-recipes-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const write = (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text)
  write('app.tgz', content)
  write('trusted-root.json', JSON.stringify(trust.keeper.inForce()?.payload.trustedRoot))
  return {
    ...trust,
    write,
    read: (name: string) => readFileSync(join(folder, name), 'utf8'),
    run(script: string) {
      const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
        cwd: folder,
        encoding: 'utf8',
      })
      return { status, said: `${stdout}${stderr}` }
    },
  }
}

/** With other bytes in the one member of that name, which are base64. */
function changed(bundle: string, name: string, change: (bytes: Buffer) => Buffer): string {
  return bundle.replace(new RegExp(`(?<="${name}":")[^"]+`), (base64) =>
    change(Buffer.from(base64, 'base64')).toString('base64'),
  )
}

/** The last byte of a signature by ECDSA is a part of a number, so it stays one in form. */
function withOtherEnd(signature: Buffer): Buffer {
  return Buffer.from(signature.map((byte, at) => (at === signature.length - 1 ? byte ^ 1 : byte)))
}

test(
  'the recipe for openssl takes what Mayfly signed, after a rotation of the CA, too',
  { skip },
  async (t) => {
    const { keeper, signing, write, read, run } = await world(t)
    const earlier = read('trusted-root.json')
    const before = (await signing().statement(statement, who)).json
    await keeper.rotateAuthority({ now: true, by: {} })
    const after = (await signing().statement(statement, who)).json
    write('trusted-root.json', JSON.stringify(keeper.inForce()?.payload.trustedRoot))
    for (const bundle of [before, after]) {
      write('app.tgz.sigstore.json', bundle)
      const { status, said } = run(recipe)
      assert.equal(status, 0, said)
      assert.match(said, /Verification: OK[^]*leaf\.pem: OK[^]*octo\/app[^]*Verified OK[^]*app\.tgz: signed/)
    }

    const wrong: [string, string, (bundle: string) => string][] = [
      [
        'its statement',
        'app.tgz.sigstore.json',
        (text) => changed(text, 'payload', (bytes) => Buffer.from(`${bytes.toString()} `)),
      ],
      ['its signature', 'app.tgz.sigstore.json', (text) => changed(text, 'sig', withOtherEnd)],
      ['the file', 'app.tgz', () => 'another\n'],
      ['a root without its CA', 'trusted-root.json', () => earlier],
    ]
    for (const [what, name, change] of wrong) {
      const good = read(name)
      write(name, change(good))
      assert.notEqual(read(name), good, what)
      assert.notEqual(run(recipe).status, 0, what)
      write(name, good)
    }
    assert.equal(run(recipe).status, 0)
  },
)

test(
  'the recipe for openssl takes the list of files that a key without certificates signed',
  { skip },
  async (t) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const signer = createKeySigner(privateKey, 'a key of the test')
    const { log, keeper, write, run } = await world(t, { outer: { signer } })
    const list = Buffer.from('00  app.tgz\n')
    const { json } = await createHeldKeySigner({ log, check: keeper.check, signer }).message(list, who)
    const { messageSignature } = JSON.parse(json) as { messageSignature: { signature: string } }
    write('key.pem', publicKey.export({ type: 'spki', format: 'pem' }))
    write('SHA256SUMS', list)
    write('signature', Buffer.from(messageSignature.signature, 'base64'))
    assert.match(run(ofSums).said, /^Verified OK/)
    write('SHA256SUMS', `${list.toString()}x`)
    assert.notEqual(run(ofSums).status, 0)
  },
)
