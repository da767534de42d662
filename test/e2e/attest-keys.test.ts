import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { projectFolder, runMayfly, setStage } from '../../demo/stage.ts'
import { startInstance } from '../../src/attest/sigstore/instance.fixture.ts'
import { parseTrustedRoot, verifyBundle } from '../../src/attest/verify/index.ts'

function up(t: TestContext, folder: string, attest: string) {
  const file = join(folder, 'attest.yaml')
  writeFileSync(file, attest)
  const ports = ['--port', '0', '--gateway-port', '0', '--audit-port', '0']
  const args = ['up', '--json', '--data', join(folder, 'data'), '--attest', file, ...ports]
  const child = spawn(process.execPath, [join(projectFolder, 'dist/mayfly.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  const said = { errors: '' }
  child.stderr.on('data', (piece: Buffer) => (said.errors += piece.toString()))
  return { child, said, ended: new Promise<number | null>((next) => child.once('exit', next)) }
}

test('mayfly up --attest: a key of a file is in the trust document and signs; a mistake in the file ends the start', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-attest-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const wrong = up(t, folder, 'signer: keyless\nreceipt: always\n')
  assert.notEqual(await wrong.ended, 0)
  assert.match(wrong.said.errors, /attest\.yaml:2:1: unknown key .*did you mean .*receipts/)

  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const path = join(folder, 'signer.pem')
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  const { child } = up(t, folder, `signer: { key-file: { path: ${path} } }\n`)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const { url, operator_token: token = '' } = JSON.parse(String((await lines.next()).value)) as {
    url: string
    operator_token?: string
  }
  const { payload } = (await (await fetch(`${url}/.well-known/mayfly/trust.json`)).json()) as {
    payload: string
  }
  const { keys } = JSON.parse(Buffer.from(payload, 'base64').toString()) as { keys: { publicKey: string }[] }
  assert.deepEqual(
    keys.map((one) => one.publicKey),
    [publicKey.export({ type: 'spki', format: 'pem' })],
  )
  const environment = { PATH: process.env['PATH'] ?? '', MAYFLY_SERVER: url, MAYFLY_TOKEN: token }
  const listed = await runMayfly(['attest', 'keys'], environment)
  assert.equal(listed.exitCode, 0, listed.stderr)
  assert.match(listed.stdout, /statements +signs .* key-file .*signer\.pem/)
})

test('an instance of Sigstore signs for the job: its token comes with the end of the step, from its CI', async (t) => {
  const instance = await startInstance(t)
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-attest-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [root, file] = [join(folder, 'root.json'), join(folder, 'attest.yaml')]
  writeFileSync(root, JSON.stringify(instance.trustedRoot))
  const { url } = instance
  const services = { fulcio: url, rekor: url, timestamp: url, trusted_root: root }
  writeFileSync(file, JSON.stringify({ signer: { sigstore: services } }))
  await using stage = await setStage({ upArguments: ['--attest', file] })
  const script = 'echo made > made.txt; env > made.env'
  const args = [
    'run',
    '--role',
    'build',
    '--artifact',
    'made.*',
    '--attestations',
    'attested',
    '--',
    'bash',
    '-c',
    script,
  ]
  const ran = await stage.runJob(args, stage.jobEnvironment())
  assert.equal(ran.exitCode, 0, ran.stderr)
  const bundle = readFileSync(join(stage.workspace, 'attested/made.txt.sigstore.json'), 'utf8')
  const verified = verifyBundle(bundle, parseTrustedRoot(instance.trustedRoot))
  assert.ok(verified.ok, JSON.stringify(verified))
  assert.ok(verified.signer.kind === 'certificate' && verified.signer.identity.issuer === stage.issuer.url)
  const { oidcIdentityToken: token } = (
    JSON.parse(instance.asked.find(({ path }) => path === 'POST /api/v2/signingCert')?.text ?? '{}') as {
      credentials: { oidcIdentityToken: string }
    }
  ).credentials
  assert.ok(!readFileSync(join(stage.workspace, 'made.env'), 'utf8').includes(token))
})
