import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createProofSigner } from '../../../src/identity/index.ts'
import { systemClock } from '../../../src/lib/index.ts'
import { createRelay } from '../../../src/runner/relay.ts'

const packages = 60

/** A project with more packages than npm has sockets: where a proxy answers, those that wait are asked for without end. */
function writeProject(folder: string): void {
  const names = Array.from({ length: packages }, (_, i) => `p${i}`)
  const dependencies = Object.fromEntries(names.map((name) => [name, '1.0.0']))
  const locked = names.map((name) => [
    `node_modules/${name}`,
    {
      version: '1.0.0',
      resolved: `https://registry.test/${name}/-/${name}-1.0.0.tgz`,
      integrity: `sha512-${'x'.repeat(86)}==`,
    },
  ])
  const project = { name: 'app', version: '1.0.0', dependencies }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(project))
  const lock = { ...project, lockfileVersion: 3, packages: { '': project, ...Object.fromEntries(locked) } }
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock))
}

test('npm ci against a registry that is refused ends by itself, and the gateway is asked once', async (t) => {
  let asked = 0
  const gateway = createHttpServer()
  gateway.on('connect', (_request, socket: Socket) => {
    asked++
    const body = 'mayfly: refused: registry.test:443\n'
    socket.on('error', () => undefined)
    socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
  })
  const listener = createServer()
  await Promise.all(
    [gateway, listener].map((one) => new Promise<void>((done) => one.listen(0, '127.0.0.1', done))),
  )
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-npm-'))
  const told: string[] = []
  const relay = createRelay({
    step: {
      step_id: 'stp_1',
      run_id: 'run_1',
      access_token: 'the.step.token',
      expires_in: 300,
      heartbeat_seconds: 10,
      ca_certificate: '',
      grants: [],
      gateway: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`,
      connections: [],
    },
    signer: await createProofSigner({ clock: systemClock }),
    tell: (line) => told.push(line),
    beforeRegistry: () => Promise.resolve(),
    holdsSecret: () => false,
  })
  relay.serve(listener, { to: 'proxy' })
  t.after(() => {
    relay.close()
    gateway.close()
    rmSync(folder, { recursive: true, force: true })
  })
  writeProject(folder)
  const proxy = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  const npm = spawn('npm', ['ci', '--ignore-scripts', '--no-audit'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      HTTPS_PROXY: proxy,
      npm_config_registry: 'https://registry.test',
      npm_config_update_notifier: 'false',
      // How long it waits before it asks again is npm's own.
      npm_config_fetch_retries: '0',
    },
    stdio: 'ignore',
  })
  t.after(() => void npm.kill('SIGKILL'))
  const [code] = (await once(npm, 'exit')) as [number]
  assert.notEqual(code, 0)
  assert.equal(told.length, 1)
  assert.ok(asked < packages, String(asked))
})
