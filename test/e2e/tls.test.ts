import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { baseEnvironment, projectFolder, runMayfly, setStage, startUp, type Stage } from '../../demo/stage.ts'
import { createTestAuthority, type TestAuthority } from '../certificates.ts'

/*
 * Server, gateway, log and witness behind certificates of a company's own authority, for a name that none of the targets
 * has: git.example.com and the registry are reached through a gateway that is called localhost.
 */
let folder: string
let authority: TestAuthority
let pair: { cert: string; key: string }
let stage: Stage
let witness: Awaited<ReturnType<typeof startWitness>>
/** A program on this machine that is reached in the clear. */
let sidecar: Server

before(async () => {
  sidecar = createServer((_request, response) => response.end('said in the clear\n')).listen(0, '127.0.0.1')
  await once(sidecar, 'listening')
  folder = mkdtempSync(join(tmpdir(), 'mayfly-tls-'))
  authority = await createTestAuthority(folder)
  pair = await authority.issue('mayfly', ['localhost'])
  const auditPair = await authority.issue('audit', ['localhost'])
  // A witness needs the log's key, and the log its witness: a first start makes the log.
  const dataFolder = join(folder, 'first')
  const first = await startUp(dataFolder)
  await first.stop()
  const log = join(dataFolder, 'keys/audit.vkey')
  witness = await startWitness(await authority.issue('witness', ['localhost']), log)
  const policy = join(folder, 'witnesses.policy')
  const vkey = readFileSync(log, 'utf8').trim()
  writeFileSync(policy, `log ${vkey}\nwitness one ${witness.verifierKey} ${witness.url}\nquorum one\n`)
  stage = await setStage({
    upArguments: [
      ...['--data', dataFolder, '--tls-cert', pair.cert, '--tls-key', pair.key, '--ca-file', authority.file],
      ...['--audit-tls-cert', auditPair.cert, '--audit-tls-key', auditPair.key, '--witness-policy', policy],
    ],
    caFile: authority.file,
    operatorToken: first.operatorToken,
    policy: (text) =>
      text
        .replace(/^connections:\n/m, `$&  sidecar: { kind: http, url: "${addressOf(sidecar)}" }\n`)
        .replace('      - npm:install npm\n', '$&      - http:get sidecar/health\n'),
  })
})
after(async () => {
  sidecar.close()
  await stage[Symbol.asyncDispose]()
  witness.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function startWitness(certificate: { cert: string; key: string }, log: string) {
  const child = spawn(
    join(projectFolder, 'bin/mayfly'),
    [
      ...['witness', '--folder', join(folder, 'w1'), '--name', 'witness.example/1', '--log', log],
      ...['--port', '0', '--tls-cert', certificate.cert, '--tls-key', certificate.key, '--json'],
    ],
    { env: baseEnvironment(), stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { ...(JSON.parse(line) as { url: string; verifierKey: string }), stop: () => child.kill() }
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const repositoryUrl = 'https://git.example.com/octo-org/links'
const job = (args: readonly string[]) =>
  stage.runJob(['run', '--role', 'build', ...args], stage.jobEnvironment())

test('every address says https, and the name of the certificate', () => {
  for (const url of [stage.server, stage.up.gatewayUrl, stage.up.auditUrl, witness.url])
    assert.match(url, /^https:\/\/localhost:\d+$/)
})

test('git clone and npm ci through a gateway whose certificate has another name than the targets', async () => {
  const ran = await job([
    ...['--', 'bash', '-c'],
    `git clone -q ${repositoryUrl} . && npm ci --no-audit --no-fund`,
  ])
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.ok(existsSync(join(stage.workspace, 'node_modules/.package-lock.json')))
})

test('a connection in the clear is reached through a gateway that speaks TLS', async () => {
  const ran = await job(['--', 'curl', '--silent', '--show-error', `${addressOf(sidecar)}/health`])
  assert.deepEqual([ran.exitCode, ran.stdout], [0, 'said in the clear\n'], ran.stderr)
})

test('mayfly doctor finds the gateway behind its certificate', async () => {
  const args = ['doctor', '--json', '--data', join(folder, 'no-server')]
  const ran = await runMayfly(args, stage.jobEnvironment(), { cwd: stage.workspace })
  const { findings } = JSON.parse(ran.stdout) as { findings: { name: string; state: string; says: string }[] }
  const { state, says } = findings.find(({ name }) => name === 'gateway') ?? { state: '', says: '' }
  assert.equal(state, 'ok', says)
})

test('who does not know the authority is told so, and what to do; --ca-file and NODE_EXTRA_CA_CERTS help', async () => {
  const { MAYFLY_CA_FILE: file = '', ...without } = stage.jobEnvironment()
  const run = ['run', '--role', 'build', '--', 'true']
  const ran = await stage.runJob(run, without)
  assert.equal(ran.exitCode, 125)
  assert.match(ran.stderr, /an authority that this machine does not know.*--ca-file or MAYFLY_CA_FILE/)
  const status = await runMayfly(['status', '--server', stage.server], { ...without, MAYFLY_TOKEN: 'x' })
  assert.equal(status.exitCode, 3)
  assert.match(status.stderr, /an authority that this machine does not know.*--ca-file or MAYFLY_CA_FILE/)
  const helped = await stage.runJob(['run', '--ca-file', file, ...run.slice(1)], without)
  assert.equal(helped.exitCode, 0, helped.stderr)
  const extra = await stage.runJob(run, { ...without, NODE_EXTRA_CA_CERTS: file })
  assert.equal(extra.exitCode, 0, extra.stderr)
  const none = await stage.runJob(['run', '--ca-file', '/no/such/file', ...run.slice(1)], without)
  assert.equal(none.exitCode, 2)
  assert.match(none.stderr, /^mayfly: the file of certificate authorities \/no\/such\/file is not there/)
})

test('a certificate for another name is refused, and its names are said', async () => {
  const { port } = new URL(stage.server)
  const ran = await stage.runJob(
    ['run', '--server', `https://127.0.0.1:${port}`, '--role', 'build', '--', 'true'],
    stage.jobEnvironment(),
  )
  assert.equal(ran.exitCode, 125)
  assert.match(ran.stderr, /its certificate is for other names \(DNS:localhost\): use a name that it has/)
})

test('https to a port that speaks no TLS is one clear line', async () => {
  const server = createServer((_request, response) => response.end()).listen(0, 'localhost')
  await once(server, 'listening')
  const url = `https://localhost:${(server.address() as AddressInfo).port}`
  const ran = await stage.runJob(
    ['run', '--server', url, '--role', 'build', '--', 'true'],
    stage.jobEnvironment(),
  )
  server.close()
  assert.equal(ran.exitCode, 125)
  assert.match(ran.stderr, /it speaks no TLS there: is it http:/)
})

test('the log is read over TLS, and its witness cosigned over TLS', async () => {
  const args = ['audit', 'verify', '--url', stage.up.auditUrl, '--key', join(folder, 'first/keys/audit.vkey')]
  const trusting = { ...baseEnvironment(), MAYFLY_CA_FILE: authority.file }
  const witnessed = [...args, '--policy', join(folder, 'witnesses.policy')]
  const ran = await runMayfly(witnessed, trusting)
  assert.equal(ran.exitCode, 0, ran.stderr)
  const stranger = await runMayfly(args, baseEnvironment())
  assert.equal(stranger.exitCode, 3)
  assert.match(stranger.stdout + stranger.stderr, /an authority that this machine does not know/)
})

test('a renewed certificate is shown by API and gateway without a restart, while a step runs', async () => {
  const shownBy = async (url: string) => {
    const port = Number(new URL(url).port)
    const ca = readFileSync(authority.file)
    const socket = connect({ port, host: 'localhost', servername: 'localhost', ca })
    await once(socket, 'secureConnect')
    const { fingerprint256 } = socket.getPeerCertificate()
    socket.destroy()
    return fingerprint256
  }
  const old = await shownBy(stage.server)
  const script = `until [ -e go-on ]; do sleep 0.1; done; git ls-remote -q ${repositoryUrl}`
  const running = job(['--', 'bash', '-c', script])
  const next = await authority.issue('next', ['localhost'])
  copyFileSync(next.cert, pair.cert)
  copyFileSync(next.key, pair.key)
  for (const url of [stage.server, stage.up.gatewayUrl])
    while ((await shownBy(url)) === old) await new Promise((wait) => setTimeout(wait, 50))
  writeFileSync(join(stage.workspace, 'go-on'), '')
  const ran = await running
  assert.equal(ran.exitCode, 0, ran.stderr)
})

test('a key that others may read, half of a pair, and a network without TLS are refused in one line', async () => {
  const refused = (args: readonly string[], pattern: RegExp) =>
    assert.rejects(startUp(join(folder, 'refused'), args), pattern)
  const bad = await authority.issue('bad', ['localhost'])
  chmodSync(bad.key, 0o644)
  await refused(
    ['--tls-cert', bad.cert, '--tls-key', bad.key],
    /is open to others \(mode 644\): chmod 600 it/,
  )
  await refused(['--tls-cert', bad.cert], /--tls-cert and --tls-key go together/)
  await refused(['--host', '0.0.0.0'], /reachable by others: give --tls-cert and --tls-key, or put TLS in/)
  await refused(['--audit-host', '0.0.0.0'], /0\.0\.0\.0 is reachable by others: give --audit-tls-cert/)
})

test('with a certificate every address may be listened on', async () => {
  const tls = ['--tls-cert', pair.cert, '--tls-key', pair.key]
  const up = await startUp(join(folder, 'open'), ['--host', '0.0.0.0', ...tls])
  assert.match(up.url, /^https:\/\/localhost:\d+$/)
  await up.stop()
})
