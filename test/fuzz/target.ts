import { packLockfiles } from '../../src/lockfiles/index.ts'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { compileRules, openWorld, usualGrants } from '../../src/gateway/gateway.fixture.ts'
import { createProofSigner } from '../../src/identity/index.ts'
import { systemClock } from '../../src/lib/index.ts'
import { createRelay } from '../../src/runner/relay.ts'

/** What the fuzzer tells this process, which it starts and tries to end. */
export interface TargetOptions {
  /** Thumbprint of the fuzzer's own key, for which a step is opened. */
  readonly jkt: string
  /** Where upstreams are: over TLS under `ca`, and in the clear for egress hosts. */
  readonly tlsPort: number
  readonly plainPort: number
  readonly ca: string
  /** Of the checksum database that the upstreams have. */
  readonly sumdbKey: string
}

/** What this process tells the fuzzer, on one line. */
export interface Target {
  readonly gateway: string
  readonly token: string
  /** PEM, of the step's own CA. */
  readonly ca: string
  /** Where a relay takes what a step sends. */
  readonly relayPort: number
}

const options = JSON.parse(process.argv[2] ?? '{}') as TargetOptions
// It lives as long as the fuzzer.
process.stdin.resume().on('end', () => process.exit(0))

const test = { after: () => undefined } as unknown as TestContext
const dial = (port: number) =>
  new Promise<Socket>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', reject)
  })
const world = await openWorld(test, {
  guard: { dial: ({ connection }) => dial(connection === undefined ? options.plainPort : options.tlsPort) },
})
const { ca, sumdbKey } = options
/** No key of anybody: what gpgv says of it is no yes. */
const keyring = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEAAA=\n-----END PGP PUBLIC KEY BLOCK-----\n'
const { targets, policy } = compileRules(
  {
    git: { kind: 'git', url: 'https://git.test', ca, credential: { basic: 'secret:git' } },
    npm: {
      ...{ kind: 'npm', url: 'https://npm.test', ca, credential: { bearer: 'secret:npm' } },
      ...{ provenance: 'record', trusted_publishing: { audience: 'npm:npm.test' } },
    },
    go: { kind: 'go', url: 'https://go.test', ca, sumdb: sumdbKey },
    deb: { kind: 'debian', url: 'https://deb.test/debian', ca, keyring },
  },
  [...usualGrants, 'debian:download deb', 'go:resolve go', 'npm:publish npm/ms'],
  ['egress.test:80', 'egress.test:443'],
)
world.setTargets(targets, policy)
const step = world.brokers.open(options.jkt)
const integrity = `sha512-${'x'.repeat(86)}==`
const lock = { lockfileVersion: 3, packages: { 'node_modules/ms': { version: '1.0.0', integrity } } }
await world.gateway.pinLockfiles(
  step,
  packLockfiles([{ path: 'package-lock.json', text: JSON.stringify(lock) }]),
)
const signer = await createProofSigner({ clock: systemClock })
const relayed = world.brokers.open(signer.jkt)
const relay = createRelay({
  step: {
    step_id: relayed.id,
    run_id: relayed.session.runId,
    access_token: world.tokenOf(relayed),
    expires_in: 300,
    heartbeat_seconds: 10,
    ca_certificate: '',
    grants: [],
    gateway: world.gateway.url,
    connections: [],
  },
  signer,
  tell: () => undefined,
  beforeRegistry: () => Promise.resolve(),
  holdsSecret: () => false,
})
const listener = createServer()
await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done))
relay.serve(listener, { to: 'proxy' })
const target: Target = {
  gateway: world.gateway.url,
  token: world.tokenOf(step),
  ca: await world.gateway.caCertificate(step.session),
  relayPort: (listener.address() as AddressInfo).port,
}
process.stdout.write(`${JSON.stringify(target)}\n`)
