import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { npmRegistry, projectFolder, setStage, type Stage } from '../../demo/stage.ts'
import type { Attempt, Ground } from './attempt.ts'
import { attempts } from './attempts/index.ts'
import { imageTools, imageWith } from './image.ts'
import { layGround, programOf, type Grounds } from './ground.ts'
import { findTiers, type Tier } from './tiers.ts'

/** What came of one attempt in one tier. */
export interface Row {
  readonly name: string
  readonly ok: boolean
  readonly note: string
}

/** What a program said of itself, or what was seen of it afterwards. */
interface Outcome {
  readonly word: 'reached' | 'held' | 'unavailable' | 'killed' | 'broken'
  readonly detail: string
}

export interface Escapes {
  readonly rows: Row[]
  /** Tiers that this machine does not have, and why. */
  readonly missing: readonly string[]
}

/** Makes every attempt in every tier that the machine has, and outside, where it has to get through. */
export async function tryEscapes(
  chosen: readonly Attempt[] = attempts,
  isWanted: (tier: Tier) => boolean = () => true,
): Promise<Escapes> {
  const { tiers: found, missing, close } = await findTiers()
  const tiers = found.filter(isWanted)
  using _tiers = { [Symbol.dispose]: close }
  if (tiers.length === 0) return { rows: [], missing }
  await using stage = await setStage({ policy: withContained })
  const rows = await Promise.all(
    tiers.map((tier) =>
      tryTier(
        stage,
        tier,
        chosen.filter(({ name }) => tier.only?.test(name) ?? true),
      ),
    ),
  )
  return { rows: rows.flat(), missing }
}

/** The example's policy, with a role that a container may run and one that may make namespaces. */
const withContained = (policy: string) =>
  `${policy}  contained:
    trust: { issuer: ci, repository_id: "1296269" }
    isolation: namespace-no-pid
    grants: [ "git:read git/octo-org/links", npm:install npm ]
  boxed:
    trust: { issuer: ci, repository_id: "1296269" }
    isolation: container
    grants: [ "git:read git/octo-org/links", npm:install npm ]
  nested:
    trust: { issuer: ci, repository_id: "1296269" }
    allow: [nested-namespaces]
    grants: [ "git:read git/octo-org/links", npm:install npm ]
`

async function tryTier(stage: Stage, tier: Tier, chosen: readonly Attempt[]): Promise<Row[]> {
  const ports = [stage.up.url, stage.up.gatewayUrl, stage.up.auditUrl].map((url) => new URL(url).port)
  const grounds = await layGround(
    chosen,
    tier.uid,
    tier.prefix,
    {
      mayfly: ports.join(','),
      registry: npmRegistry().registry,
    },
    tier.isClosed,
  )
  using image = tier.engine === undefined ? undefined : imageWith(grounds.inside.tools)
  await using open = await startOpenProxy()
  try {
    const controlled = chosen.filter(({ control }) => typeof control === 'string')
    const [inside, outside] = await Promise.all([
      runAll(chosen, isApart, grounds.inside, (batch) => inStep(stage, tier, grounds, batch, image?.name)),
      runAll(
        controlled,
        (attempt) => isApart(attempt) || needsNamespaces(attempt),
        grounds.outside,
        (batch) => onMachine(tier, grounds, batch, open.url),
      ),
    ])
    return chosen.map((attempt) => judge(tier, attempt, inside.get(attempt), outside.get(attempt)))
  } finally {
    await grounds.close()
  }
}

/** Runs those that may be together at once and the others each for itself, then looks at what they left. */
async function runAll(
  chosen: readonly Attempt[],
  isAlone: (attempt: Attempt) => boolean,
  ground: Ground,
  run: (batch: readonly Attempt[]) => Promise<ReadonlyMap<string, Outcome>>,
): Promise<Map<Attempt, Outcome>> {
  const alone = chosen.filter(isAlone)
  const together = chosen.filter((attempt) => !alone.includes(attempt))
  const outcomes = new Map<Attempt, Outcome>()
  for (const batch of [together, ...alone.map((attempt) => [attempt])]) {
    if (batch.length === 0) continue
    const said = await run(batch)
    for (const attempt of batch) {
      const left = await attempt.afterwards?.(ground)
      const own = said.get(programOf(attempt)) ?? { word: 'broken', detail: 'it said nothing' }
      outcomes.set(attempt, left === undefined ? own : { word: 'reached', detail: left })
    }
  }
  return outcomes
}

const isApart = ({ alone, options, variables }: Attempt) =>
  alone === true || options !== undefined || variables !== undefined
const needsNamespaces = ({ control }: Attempt) =>
  typeof control === 'string' && control.endsWith('namespaces')

const width = '4'
const mayfly = join(projectFolder, 'bin/mayfly')
/** As an agent may: it leaves a folder of the machine open for what it starts. */
const agent = 'use POSIX; open(my $d, "<", shift); POSIX::dup2(fileno($d), 60); exec @ARGV'

async function inStep(
  stage: Stage,
  tier: Tier,
  { inside, folder }: Grounds,
  batch: readonly Attempt[],
  image: string | undefined,
): Promise<ReadonlyMap<string, Outcome>> {
  const [first] = batch
  const tools = image === undefined ? inside.tools : imageTools
  const options = ['--role', tier.role, '--workspace', inside.workspace]
  if (image === undefined) options.push('--tools', tools)
  else options.push('--isolation', 'podman', '--image', image)
  const command = ['/usr/bin/perl', join(tools, 'driver.pl'), tools, width, ...batch.map(programOf)]
  const args = [mayfly, 'run', ...options, ...(first?.options ?? []), '--', ...command]
  const ran = await say([...tier.prefix, '/usr/bin/perl', '-e', agent, folder, ...args], {
    cwd: inside.workspace,
    env: { ...stage.jobEnvironment(), HOME: inside.home, ...first?.variables?.(inside) },
    uid: tier.uid,
  })
  const outcomes = outcomesIn(ran.stdout)
  if (first?.ends === true && outcomes.size === 0) return new Map([[programOf(first), endOf(ran.exitCode)]])
  if (outcomes.size === 0)
    throw new Error(`${tier.name}: ${first?.name} did not run: ${ran.stderr.slice(-1000)}`)
  return outcomes
}

async function onMachine(
  tier: Tier,
  { outside, folder, uid }: Grounds,
  batch: readonly Attempt[],
  proxy: string,
): Promise<ReadonlyMap<string, Outcome>> {
  const [first] = batch
  const isRoot = process.getuid?.() === 0
  const isOrdinary = uid !== 0
  const namespaces = ['unshare', ...(isOrdinary ? ['-Ur'] : []), '-mpfinu', '--mount-proc']
  const prefix = first !== undefined && needsNamespaces(first) ? namespaces : []
  const command = [
    '/usr/bin/perl',
    join(outside.tools, 'driver.pl'),
    outside.tools,
    width,
    ...batch.map(programOf),
  ]
  const ran = await say([...tier.prefix, '/usr/bin/perl', '-e', agent, folder, ...prefix, ...command], {
    cwd: outside.workspace,
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: outside.home,
      HTTPS_PROXY: proxy,
      ...first?.variables?.(outside),
    },
    uid: isRoot && isOrdinary ? uid : undefined,
  })
  return outcomesIn(ran.stdout)
}

function say(
  command: readonly string[],
  options: { cwd: string; env: Record<string, string>; uid: number | undefined },
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const [program = '', ...args] = command
  const { cwd, env, uid } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ exitCode: code ?? 255, stdout, stderr }))
  })
}

function endOf(exitCode: number): Outcome {
  return exitCode === 0
    ? { word: 'reached', detail: 'the run says that all went well' }
    : { word: 'held', detail: `it ended its own step: exit ${exitCode}` }
}

/** The driver's lines: a program's name, how it ended (wait(2)), and what it said, in hex. */
function outcomesIn(text: string): Map<string, Outcome> {
  return new Map(
    [...text.matchAll(/^(\S+) (\d+) ([0-9a-f]*)$/gm)].map(([, name = '', status = '', hex = '']) => {
      const said = Buffer.from(hex, 'hex').toString('utf8').trim()
      const [, word, detail = ''] = /^(reached|held|unavailable): ?([^\n]*)/m.exec(said) ?? []
      if (word !== undefined) return [name, { word: word as Outcome['word'], detail: detail.trim() }]
      const signal = Number(status) & 127
      return [
        name,
        signal === 0
          ? { word: 'broken', detail: said.slice(0, 200) }
          : { word: 'killed', detail: `signal ${signal}` },
      ]
    }),
  )
}

const isRoot = process.getuid?.() === 0

/** Held inside, and outside it gets through: else nobody knows whether it is Mayfly that holds it. */
function judge(tier: Tier, attempt: Attempt, inside: Outcome | undefined, outside: Outcome | undefined): Row {
  const name = `${tier.name}: ${attempt.name}`
  const { word, detail } = inside ?? { word: 'broken', detail: 'it was not run' }
  const isTold = word === 'reached' && tier.told.some((start) => attempt.name.startsWith(start))
  const isHeld =
    isTold ||
    word === 'held' ||
    word === 'unavailable' ||
    (word === 'killed' && attempt.dies === 'SYS' && detail === `signal ${signalSys}`)
  const against = describeControl(tier, attempt, outside)
  return {
    name,
    ok: isHeld && against.ok,
    note: `${attempt.tries}; inside: ${word}${isTold ? ', as this tier allows' : ''}${detail === '' ? '' : ` (${detail.slice(0, 100)})`}; outside: ${against.text}`,
  }
}

const signalSys = 31

function describeControl(
  tier: Tier,
  { control }: Attempt,
  outside: Outcome | undefined,
): { ok: boolean; text: string } {
  if (typeof control !== 'string') return { ok: true, text: `not tried, ${control.none}` }
  if (outside === undefined) return { ok: false, text: 'not run' }
  const { word, detail } = outside
  if (word === 'reached')
    return { ok: true, text: `reached${detail === '' ? '' : ` (${detail.slice(0, 60)})`}` }
  if (word === 'unavailable') return { ok: true, text: `unavailable (${detail})` }
  const isOrdinary = tier.uid !== undefined || !isRoot
  if (isOrdinary && control.startsWith('root-')) return { ok: true, text: 'only root gets through' }
  // A container, AppArmor or Yama may hold it outside, too: then it shows nothing, and is no fault of ours.
  if (isOrdinary || !isWholeRoot()) return { ok: true, text: `held by the machine (${detail})` }
  return { ok: false, text: `${word} (${detail})` }
}

/** Root with the capabilities that matter here and no filter of system calls, as on a machine and not in a container. */
function isWholeRoot(): boolean {
  const status = readFileSync('/proc/self/status', 'latin1')
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  // Bits of CAP_DAC_OVERRIDE, NET_RAW, SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_ADMIN, SYS_BOOT, SYS_TIME, MKNOD, SYSLOG.
  const all = [1n, 13n, 16n, 17n, 19n, 21n, 22n, 25n, 27n, 34n].every((bit) => (held >> bit) % 2n === 1n)
  return all && /^Seccomp:\s*0$/m.test(status)
}

/** A proxy that asks nothing, as a careless one would be. */
async function startOpenProxy(): Promise<{ url: string } & AsyncDisposable> {
  const server = createHttpServer()
  server.on('connect', (request, socket) => {
    const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(request.url ?? '') ?? []
    const target = connect(Number(port), host)
    socket.on('error', () => target.destroy())
    target.on('error', () => socket.destroy())
    target.once('connect', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      target.pipe(socket).pipe(target)
    })
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
