import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { connect as tlsConnect, createServer as createTlsServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { connectUri, createProofSigner, type ProofSigner } from '../../src/identity/index.ts'
import { createRunCa } from '../../src/gateway/run-ca.ts'
import { systemClock } from '../../src/lib/index.ts'
import { answers, clientHello, requests, sumdb, toProxy } from './corpus.ts'
import { mutate, pieces, seeded, type Random } from './mutate.ts'
import type { Target, TargetOptions } from './target.ts'

// oxlint-disable-next-line node/no-process-env -- how long, and from where, is said by who starts it
const { MAYFLY_FUZZ_SECONDS: seconds, MAYFLY_FUZZ_SEED: seedText } = process.env
const seed = Number(seedText ?? (seconds === undefined ? 1 : Date.now() % 1_000_000_000))
/** Without a time: every answer of the corpus as it is, to both kinds of request, and so many that are spoilt; the same each time. */
const usualCases = 2 * answers.length + 30

const kinds = ['git', 'npm', 'deb', 'go'] as const

interface Fuzz {
  readonly target: Target
  readonly process: ChildProcess
  readonly complaints: () => string
  readonly signer: ProofSigner
  readonly upstreams: { answer: Buffer[]; ends: boolean }
}

/** Who is asked properly answers and closes; longer than that nobody waits. */
const healthyMs = 30_000

const good = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello')

async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

/** A real gateway and a relay in a process of their own, and the upstreams that answer them. */
async function startTarget(t: TestContext): Promise<Fuzz> {
  const upstreams = { answer: [good], ends: false }
  const onSocket = (socket: Socket) => {
    socket.on('error', () => undefined)
    socket.on('data', () => {
      for (const piece of upstreams.answer) if (!socket.destroyed) socket.write(piece)
      if (upstreams.ends) socket.destroySoon()
    })
  }
  const expiresMs = systemClock.nowMs() + 24 * 3_600_000
  const authority = await createRunCa({ runId: 'fuzz', expiresMs, clock: systemClock })
  const contexts = {
    SNICallback: (name: string, done: (error: null, context: never) => void) =>
      void authority.contextFor(name).then((context) => done(null, context as never)),
  }
  const signer = await createProofSigner({ clock: systemClock })
  const options: TargetOptions = {
    jkt: signer.jkt,
    ca: authority.certificate,
    sumdbKey: sumdb.key,
    tlsPort: await listen(t, createTlsServer(contexts as never, onSocket)),
    plainPort: await listen(t, createTcpServer(onSocket)),
  }
  const program = fileURLToPath(new URL('./target.ts', import.meta.url))
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, JSON.stringify(options)],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  )
  t.after(() => void child.kill('SIGKILL'))
  let complaints = ''
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (complaints = `${complaints}${text}`.slice(-4_000)))
  const [first] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => ['']),
  ])) as [string]
  assert.notEqual(first, '', complaints)
  return {
    target: JSON.parse(first) as Target,
    process: child,
    complaints: () => complaints,
    signer,
    upstreams,
  }
}

/** All that comes until the other side has nothing more to say; a peer that only waits is left after that time. */
function converse(socket: Socket, bytes: readonly Buffer[], patienceMs = 100): Promise<string> {
  return new Promise((resolve) => {
    let got = ''
    const leave = () => socket.destroy()
    let patience = setTimeout(leave, patienceMs)
    socket.on('data', (chunk: Buffer) => {
      if (got.length < 10_000) got += chunk.toString('latin1')
      clearTimeout(patience)
      patience = setTimeout(leave, patienceMs)
    })
    socket.on('error', () => undefined)
    socket.once('close', () => {
      clearTimeout(patience)
      resolve(got)
    })
    for (const piece of bytes) socket.write(piece)
  })
}

const dial = (port: number): Socket => connect(port, '127.0.0.1')

async function connectHead({ target, signer }: Fuzz, authority: string): Promise<string> {
  const proof = await signer.sign({
    method: 'CONNECT',
    uri: connectUri(target.gateway, authority),
    accessToken: target.token,
  })
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nProxy-Authorization: DPoP ${target.token}\r\nDPoP: ${proof}\r\n\r\n`
}

/** A tunnel to this connection, with nothing said in it yet. */
async function tunnel(fuzz: Fuzz, authority: string): Promise<Socket> {
  const socket = dial(Number(new URL(fuzz.target.gateway).port))
  socket.on('error', () => undefined)
  socket.write(await connectHead(fuzz, authority))
  const [head] = (await once(socket, 'data')) as [Buffer]
  assert.match(head.toString(), /^HTTP\/1\.1 200 /)
  return socket
}

async function within(
  fuzz: Fuzz,
  kind: keyof typeof requests,
  bytes: readonly Buffer[],
  patienceMs?: number,
): Promise<string> {
  const servername = `${kind}.test`
  const lower = await tunnel(fuzz, `${servername}:443`)
  const got = await converse(tlsConnect({ socket: lower, servername, ca: fuzz.target.ca }), bytes, patienceMs)
  lower.destroy()
  return got
}

/** One thing that a hostile upstream or step does. */
const attacks: Readonly<Record<string, (fuzz: Fuzz, random: Random) => Promise<unknown>>> = {
  'an answer to what a connection carries': (fuzz, random) => {
    const kind = random.pick(kinds)
    return within(fuzz, kind, [Buffer.from(random.pick(requests[kind]), 'latin1')])
  },
  'an answer to a plain request': ({ target }) =>
    converse(dial(target.relayPort), [
      Buffer.from('GET http://egress.test/ HTTP/1.1\r\nHost: egress.test\r\n\r\n'),
    ]),
  'a request in a tunnel': (fuzz, random) => {
    const kind = random.pick(kinds)
    return within(fuzz, kind, pieces(random, mutate(random, random.pick(requests[kind]))))
  },
  'a ClientHello': async (fuzz, random) => {
    const socket = await tunnel(fuzz, 'git.test:443')
    return converse(socket, pieces(random, mutate(random, clientHello)))
  },
  'a CONNECT to the gateway': async (fuzz, random) => {
    const authority = random.pick(['git.test:443', 'egress.test:443', 'nobody.test:443', '[::1]:80'])
    const bytes = mutate(random, await connectHead(fuzz, authority))
    return converse(dial(Number(new URL(fuzz.target.gateway).port)), pieces(random, bytes))
  },
  'anything to the relay': ({ target }, random) =>
    converse(dial(target.relayPort), pieces(random, mutate(random, random.pick(toProxy)))),
}

async function assertHealthy(fuzz: Fuzz, what: string): Promise<void> {
  fuzz.upstreams.answer = [good]
  fuzz.upstreams.ends = false
  const why = `${what}\n${fuzz.complaints()}`
  assert.equal(fuzz.process.exitCode ?? fuzz.process.signalCode, null, why)
  const ask = 'GET http://egress.test/ HTTP/1.1\r\nHost: egress.test\r\nConnection: close\r\n\r\n'
  assert.match(
    await converse(dial(fuzz.target.relayPort), [Buffer.from(ask)], healthyMs),
    /^HTTP\/1\.1 200[\s\S]*hello$/,
    why,
  )
  const advertise = Buffer.from(`${requests.git[0].slice(0, -2)}Connection: close\r\n\r\n`)
  assert.match(await within(fuzz, 'git', [advertise], healthyMs), /^HTTP\/1\.1 200[\s\S]*hello$/, why)
}

test(
  `whatever a step or an upstream sends, the gateway and the relay go on (seed ${seed})`,
  { timeout: 3_600_000 },
  async (t) => {
    const fuzz = await startTarget(t)
    await assertHealthy(fuzz, 'before anything')
    const untilMs = Date.now() + Number(seconds ?? 0) * 1_000
    const names = Object.keys(attacks)
    for (let i = 0; seconds === undefined ? i < usualCases : Date.now() < untilMs; i++) {
      const random = seeded(seed + i)
      const asItIs = answers[i >> 1]
      const name = names[asItIs === undefined ? i % names.length : i % 2] ?? ''
      fuzz.upstreams.answer =
        asItIs === undefined
          ? pieces(random, mutate(random, random.pick(answers)))
          : [Buffer.from(asItIs, 'latin1')]
      fuzz.upstreams.ends = random.number(2) === 0
      await attacks[name]?.(fuzz, random)
      await assertHealthy(fuzz, `after case ${i}, ${name}: MAYFLY_FUZZ_SEED=${seed + i}`)
    }
  },
)
