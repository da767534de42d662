import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { createTestAuthority } from '../../certificates.ts'
import { inStep, workspaceOf } from '../../clients/servers/python-step.ts'
import { extendPolicy, suite } from '../../clients/suite.ts'
import { eventually, revokeUserOf } from '../servers/mid-use.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  /** By whom each connection was made that the server has had: the name in its certificate. */
  readonly seen: string[]
  open(): number
}

const host = 'broker.example.org'

/** A server that speaks with its company's clients alone, greets them by name and echoes. */
async function open(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-deploy-tcp-'))
  const authority = await createTestAuthority(join(folder, 'ca'))
  const [own, gateway] = [
    await authority.issue('broker', ['inner.example.org']),
    await authority.issue('gateway', []),
  ]
  const ca = readFileSync(authority.file, 'utf8')
  const seen: string[] = []
  let open = 0
  const server = createServer(
    {
      ...{ cert: readFileSync(own.cert), key: readFileSync(own.key), ca },
      ...{ requestCert: true, rejectUnauthorized: true },
    },
    (socket) => {
      const name = String(socket.getPeerCertificate().subject.CN)
      seen.push(name)
      open++
      socket.on('close', () => open--)
      socket.on('error', () => undefined).write(`hello ${name}\n`)
      socket.pipe(socket)
    },
  )
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const broker = {
    ...{ kind: 'tcp', url: `tcp://${host}:8883`, tls: 'verify', sni: 'inner.example.org', ca },
    ...{ dial: `127.0.0.1:${(server.address() as AddressInfo).port}`, max_bytes: '1MiB' },
    client_certificate: { certificate: readFileSync(gateway.cert, 'utf8'), key: 'secret:broker-key' },
  }
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, { connections: { broker }, grants: { release: ['tcp:connect broker'] } }),
  })
  await stage.operate(['secret', 'set', 'broker-key', '--multiline'], readFileSync(gateway.key, 'utf8'))
  return {
    ...{ stage, seen, open: () => open },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const connect = `openssl s_client -quiet -no_ign_eof -verify_quiet -verify_return_error -CAfile $SSL_CERT_FILE -connect ${host}:8883 -servername ${host}`

export default suite<World>({
  name: 'tcp',
  needs: ['openssl'],
  open,
  rows: [
    {
      name: 'openssl: TLS to the run’s authority, a certificate that the step has not to the host',
      needs: [],
      async run(world) {
        const ran = await inStep(
          world,
          'release',
          [],
          workspaceOf(world),
          `(echo ping; sleep 2) | ${connect}; env | grep -c 'PRIVATE KEY'; true`,
        )
        assert.equal(ran.stdout, 'hello gateway\nping\n0\n', ran.stderr)
      },
    },
    {
      name: 'refused to a role without it, and more than its bytes is cut',
      needs: [],
      async run(world) {
        const before = world.seen.length
        const refused = await inStep(
          world,
          'build',
          [],
          workspaceOf(world),
          `echo ping | timeout 20 ${connect}; curl -sS https://${host}:8883/ 2>&1; true`,
        )
        assert.doesNotMatch(refused.stdout, /hello/)
        assert.equal(world.seen.length, before)
        const ran = await inStep(
          world,
          'release',
          [],
          workspaceOf(world),
          `(head -c 3000000 /dev/zero; sleep 1) | timeout 20 ${connect} | wc -c`,
        )
        assert.ok(Number(ran.stdout) <= 1_048_576 + 20, ran.stdout)
      },
    },
    {
      name: 'revoked while it is connected: cut',
      needs: [],
      async run(world) {
        const ran = inStep(world, 'release', [], workspaceOf(world), `sleep 60 | ${connect}; sleep 30`)
        await eventually('it is connected', () => world.open() === 1)
        await revokeUserOf(world.stage, 'broker')
        await eventually('it is cut', () => world.open() === 0)
        assert.notEqual((await ran).exitCode, 0)
      },
    },
  ],
})
