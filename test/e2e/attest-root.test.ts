import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { projectFolder, runMayfly } from '../../demo/stage.ts'
import {
  createAttestationLog,
  createKeylessSigner,
  createKeySigner,
  readAuthority,
} from '../../src/attest/sign/index.ts'
import { openTrustDocument, parseTrustedRoot, verifyBundle } from '../../src/attest/verify/index.ts'
import { Secret } from '../../src/lib/index.ts'
import { createStoredRing, createVaultControl, keyProviders, openSealed } from '../../src/vault/index.ts'
import { openStore } from '../../src/store/index.ts'

const passphrase = 'correct horse battery'
const who = {
  san: 'https://github.com/octo/app/.github/workflows/x.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
  claims: {},
}
const statement = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: 'a'.repeat(64) } }],
    predicateType: 'https://example.com/said',
    predicate: {},
  }),
)

async function start(t: TestContext, folder: string) {
  const ports = ['--port', '0', '--gateway-port', '0', '--audit-port', '0']
  const args = ['up', '--json', '--data', join(folder, 'data'), ...ports]
  const child = spawn(process.execPath, [join(projectFolder, 'dist/mayfly.js'), ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const { url, operator_token: token = '' } = JSON.parse(String((await lines.next()).value)) as {
    url: string
    operator_token?: string
  }
  const mayfly = async (args: readonly string[], { input = '', home = 'operator' } = {}) => {
    mkdirSync(join(folder, home), { recursive: true })
    const environment = { HOME: join(folder, home), PATH: process.env['PATH'] ?? '' }
    return await runMayfly(
      args,
      { ...environment, MAYFLY_SERVER: url, MAYFLY_TOKEN: token },
      { input, cwd: folder },
    )
  }
  const must = async (args: readonly string[], more: { input?: string; home?: string } = {}) => {
    const ran = await mayfly(args, more)
    assert.equal(ran.exitCode, 0, `${args.join(' ')}: ${ran.stderr}`)
    return ran
  }
  return { url, mayfly, must }
}

/** Whoever has a copy of the server's data folder: its vault key, its store, its token for the log. */
async function thiefOf(t: TestContext, folder: string) {
  const data = join(folder, 'data')
  const copy = mkdtempSync(join(folder, 'copy-'))
  for (const end of ['', '-wal']) cpSync(join(data, `server/mayfly.db${end}`), join(copy, `mayfly.db${end}`))
  const store = openStore(join(copy, 'mayfly.db'))
  t.after(() => store.close())
  const ring = createStoredRing(store)
  const keyFile = join(data, 'keys/vault.key')
  const clock = { nowMs: () => Date.now() }
  await createVaultControl({ store, ring, clock, keyFile, providers: () => keyProviders(keyFile) }).open()
  const rows = store.read.selectFrom('attest_keys').selectAll().where('sealed', 'is not', null)
  const row = await rows.where('use', '=', 'ca').executeTakeFirstOrThrow()
  const pkcs8 = openSealed(ring, `attest key ${row.id}`, row.sealed ?? Buffer.alloc(0)).reveal()
  const key = createKeySigner(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }), 'stolen')
  const authority = await readAuthority(new X509Certificate(row.certificate ?? '').raw, key)
  assert.ok(authority)
  const { audit } = JSON.parse(readFileSync(join(data, 'up.json'), 'utf8')) as { audit: string }
  const log = createAttestationLog({
    url: audit,
    appendToken: new Secret(readFileSync(join(data, 'keys/audit-append-token'), 'utf8').trim()),
    verifierKey: readFileSync(join(data, 'keys/attestations.vkey'), 'utf8').trim(),
  })
  t.after(() => log.close())
  const check = () => ({ ok: true, timeMs: 0 }) as const
  const signer = createKeylessSigner({ log, clock, check, authority: () => authority })
  return { key: row.id, sign: async () => (await signer.statement(statement, who)).json }
}

function takes(file: string, bundle: string) {
  const text = readFileSync(file, 'utf8')
  const root = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(text)))
  const verifier = new Verifier(root, { ctlogThreshold: 0, timestampThreshold: 1 })
  const sigstore = () => verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle))))
  return { ours: verifyBundle(bundle, parseTrustedRoot(text)).ok, sigstore: isFine(sigstore) }
}

function isFine(act: () => unknown): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}

test('an offline root, a stolen CA, and what everybody takes before and after', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-root-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { url, mayfly, must } = await start(t, folder)
  const path = (name: string) => join(folder, name)

  // Set up in minutes: a root key in the vault, a document, a client that pins what it meets first.
  const first = await must(['attest', 'root', 'fetch', '-o', 'root-1.json'], { home: 'client' })
  assert.match(first.stderr, /root key [0-9a-f]{64} is trusted from now on/)
  const again = await must(['attest', 'root', 'fetch', '-o', 'root-1.json', '--json'], { home: 'client' })
  assert.equal((JSON.parse(again.stdout) as { first_use: boolean }).first_use, false)
  const early = await thiefOf(t, folder)
  const bundle = await early.sign()
  assert.deepEqual(takes(path('root-1.json'), bundle), { ours: true, sigstore: true })

  // The root goes offline.
  const init = ['attest', 'root', 'init', '--out', 'root.key']
  assert.match((await mayfly(init, { input: 'short' })).stderr, /at least 12 characters/)
  await must(init, { input: passphrase })
  assert.equal(statSync(path('root.key')).mode & 0o777, 0o600)
  assert.match((await mayfly(init, { input: passphrase })).stderr, /is there already/)
  await must(['attest', 'root', 'next', '--root', 'root.key.pub', '-o', 'next.json'])
  assert.match((await mayfly(['attest', 'root', 'publish', 'next.json'])).stderr, /did not sign it/)
  const sign = (file: string) => ['attest', 'root', 'sign', file, '--key', 'root.key', '--yes']
  const wrong = await mayfly(sign('next.json'), { input: 'another passphrase' })
  assert.deepEqual([wrong.exitCode, /does not open/.test(wrong.stderr)], [2, true])
  const signed = await must(sign('next.json'), { input: passphrase })
  assert.match(signed.stderr, /\+ root key [0-9a-f]{64}/)
  assert.match(signed.stderr, /- root key [0-9a-f]{64}/)
  cpSync(path('next.json'), path('old.json'))
  await must(['attest', 'root', 'publish', 'next.json'])
  assert.match((await must(['attest', 'root', 'show'])).stdout, /root key [0-9a-f]{64} \(offline\)/)
  await must(['attest', 'root', 'fetch', '-o', 'root-2.json'], { home: 'client' })
  await must(['attest', 'root', 'fetch', '-o', 'root-2.json', '--root', 'root.key.pub'], { home: 'other' })
  const refused = await mayfly(['attest', 'root', 'fetch', '-o', 'x.json', '--root', 'strange.pub'], {
    home: 'third',
  })
  assert.equal(refused.exitCode, 2)

  // The CA is in wrong hands: it is taken back, and the next one waits for the root key.
  const key = early.key.slice(0, 12)
  assert.match((await mayfly(['attest', 'root', 'revoke', key, '--reason', 'stolen'])).stderr, /say --yes/)
  const revoked = await must(['attest', 'root', 'revoke', key, '--reason', 'stolen', '--yes'])
  assert.match(revoked.stdout, /from entry 1 of the log on\n.*next trust document/)
  const { warnings } = (await (await fetch(`${url}/readyz`)).json()) as { warnings: string[] }
  assert.match(
    warnings.join('\n'),
    /waits to be signed by the root key \(.*revoked: key [0-9a-f]{16}.*mayfly attest root next/,
  )
  await must(['attest', 'root', 'next', '-o', 'next.json'])
  const shown = await must(sign('next.json'), { input: passphrase })
  assert.match(shown.stderr, /\+ revoked: key .* from entry 1 of the log \S+ on: stolen/)
  assert.match(shown.stderr, /\+ CA [0-9a-f]{16}/)
  const lower = await mayfly(sign('old.json'), { input: passphrase })
  assert.match(lower.stderr, /version 2 is lower than 3, which this key has signed already/)
  await must(['attest', 'root', 'publish', 'next.json'])

  // What was logged before stays good for everybody; what the thief signs now is not, and what the new CA signs is.
  const stolen = await early.sign()
  const anew = await (await thiefOf(t, folder)).sign()
  await must(['attest', 'root', 'fetch', '-o', 'root-3.json'], { home: 'client' })
  assert.deepEqual(takes(path('root-3.json'), bundle), { ours: true, sigstore: true })
  assert.deepEqual(takes(path('root-3.json'), stolen), { ours: false, sigstore: false })
  assert.deepEqual(takes(path('root-3.json'), anew), { ours: true, sigstore: true })
  const document = openTrustDocument(
    await (await fetch(`${url}/.well-known/mayfly/trust.json`)).text(),
    [readFileSync(path('root.key.pub'), 'utf8')],
    { minVersion: 3 },
  )
  assert.ok(document.ok)
  assert.deepEqual(
    [bundle, stolen, anew].map((one) => verifyBundle(one, document.trust).ok),
    [true, false, true],
  )
})
