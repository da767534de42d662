import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setStage, type Stage } from '../../demo/stage.ts'
import type { Breach, Job, Secrets, Seen } from './breach.ts'
import { packaged, packages } from './cases/packages.ts'
import { stolen } from './cases/stolen.ts'
import { triggered } from './cases/triggered.ts'
import { startInternet, type Internet } from './internet.ts'
import { createRegistry, type Registry } from './registry.ts'
import { fillGitServer, git, layPlace, pages, victimPolicy, type Place } from './victim.ts'

export interface Row {
  readonly name: string
  readonly ok: boolean
  readonly note: string
}

export const breaches: readonly Breach[] = [...stolen, ...triggered, ...packaged].sort(
  (a, b) => a.number - b.number,
)

interface World {
  readonly folder: string
  readonly stage: Stage
  readonly internet: Internet
  readonly registry: Registry
  readonly secrets: Secrets
  /** Repositories, where the side's Git server has them. */
  readonly gitRoots: Readonly<Record<Seen['side'], string>>
}

/**
 * Replays each case without Mayfly, where it has to succeed, and then in steps. `folder` is the one of `inOwnInternet`, in which this
 * has to run.
 */
export async function replay(folder: string, chosen: readonly Breach[] = breaches): Promise<Row[]> {
  const caFile = join(folder, 'ca/ca.pem')
  await using stage = await setStage({ policy: (text) => victimPolicy(text, readFileSync(caFile, 'utf8')) })
  const secret = (name: string) => `${name}_${randomBytes(12).toString('hex')}`
  const secrets: Secrets = {
    git: stage.git.credential.split(':')[1] ?? '',
    npm: secret('npm'),
    agent: secret('agent'),
    payroll: secret('payroll'),
  }
  fillGitServer(stage.git.root, secrets)
  const gitRoots = { inside: stage.git.root, outside: join(folder, 'git') }
  cpSync(gitRoots.inside, gitRoots.outside, { recursive: true })
  const registry = createRegistry(folder, packages)
  const internet = await startInternet({
    ...{ folder, registry, pages, gitRoot: gitRoots.outside },
    ...{ credential: stage.git.credential, npmToken: secrets.npm },
  })
  const agent = spawn('sleep', ['600'], {
    env: { PATH: '/usr/bin:/bin', AGENT_SECRET: secrets.agent },
    stdio: 'ignore',
  })
  try {
    const world = { folder, stage, internet, registry, secrets, gitRoots }
    const outside = await inTurn(chosen, 3, (breach) => tryOn(world, breach, 'outside'))
    internet.caught.length = 0
    const inside = await inTurn(chosen, 2, (breach) => tryOn(world, breach, 'inside'))
    const record = await recordOf(stage)
    return chosen.map((breach, i) => judge(breach, record, outside[i], inside[i]))
  } finally {
    agent.kill('SIGKILL')
    await internet.close()
  }
}

interface Tried {
  readonly got: boolean
  readonly output: string
}

async function tryOn(world: World, breach: Breach, side: Seen['side']): Promise<Tried> {
  const mark = `case-${String(breach.number).padStart(2, '0')}`
  const folder = join(world.folder, side, mark)
  mkdirSync(folder, { recursive: true })
  let output = ''
  let place: Place | undefined
  for (const [number, job] of breach.jobs.entries()) {
    place = layPlace({ ...world, folder, number, job, gitRoot: world.gitRoots[side] })
    output += await (side === 'outside' ? runOutside : runInside)(world, mark, job, place)
  }
  const seen: Seen = {
    ...{ side, mark, output, secrets: world.secrets },
    arrived: (by) =>
      world.internet.caught.filter((one) => one.by === by && `${one.path} ${one.body}`.includes(mark)),
    file: (path) => place?.file(path) ?? '',
    git: (repository, ...args) => git(join(world.gitRoots[side], `${repository}.git`), ...args),
  }
  return { got: breach.got(seen), output }
}

function jobEnvironment(
  { stage, secrets }: World,
  mark: string,
  job: Job,
  place: Place,
): Record<string, string> {
  const variables = Object.entries(job.variables ?? {}).map(([name, value]) => [
    name,
    value === 'GIT_TOKEN' ? secrets.git : value,
  ])
  return {
    // A run of its own, so that its entries are told apart.
    ...stage.jobEnvironment({ run_id: `90000001${mark.slice(-2)}`, ...job.claims }),
    ...{ HOME: place.home, GITHUB_JOB: mark, GIT_TOKEN: secrets.git, NPM_TOKEN: secrets.npm },
    ...{ GIT_TERMINAL_PROMPT: '0' },
    ...Object.fromEntries(variables),
  }
}

async function runOutside(world: World, mark: string, job: Job, place: Place): Promise<string> {
  const { workspace, home } = place
  const env = {
    ...jobEnvironment(world, mark, job, place),
    NODE_EXTRA_CA_CERTS: join(world.folder, 'ca/ca.pem'),
  }
  if (job.cache !== undefined) {
    // As caches are that anybody writes to: the one folder for all jobs.
    mkdirSync(join(home, job.cache), { recursive: true })
    mkdirSync(join(workspace, job.cache, '..'), { recursive: true })
    await say(['ln', '-s', join(home, job.cache), join(workspace, job.cache)], workspace, env)
  }
  let output = ''
  for (const program of job.steps ?? [job.program])
    output += await say(['bash', '-c', program], workspace, env)
  return output
}

async function runInside(world: World, mark: string, job: Job, place: Place): Promise<string> {
  const { stage } = world
  const env = { ...jobEnvironment(world, mark, job, place), XDG_CACHE_HOME: join(place.home, '.cache') }
  const pass = Object.keys(job.variables ?? {})
  if (job.steps !== undefined) {
    const file = join(world.folder, `${mark}.yaml`)
    const steps = job.steps.map((run, i) => ({ name: `step ${i + 1}`, role: job.role, run }))
    writeFileSync(file, JSON.stringify({ steps }))
    return textOf(await stage.runJob(['run', '--workspace', place.workspace, '-f', file], env))
  }
  const options = [
    ...['--role', job.role, '--name', mark, '--workspace', place.workspace],
    ...pass.flatMap((name) => ['--env', name]),
    ...(job.cache === undefined ? [] : ['--cache', job.cache]),
  ]
  return textOf(await stage.runJob(['run', ...options, '--', 'bash', '-c', job.program], env))
}

const textOf = ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}\n${stderr}`

function say(command: readonly string[], cwd: string, env: Record<string, string>): Promise<string> {
  const [program = '', ...args] = command
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    child.once('error', reject)
    child.once('close', () => resolve(text))
  })
}

/** Every entry of the log, one a line, once all of them are published. */
async function recordOf(stage: Stage): Promise<string[]> {
  for (;;) {
    const status = JSON.parse((await stage.operate(['status', '--json'])).stdout) as {
      leases: { undelivered: number }
      audit_size: number
    }
    const args = ['audit', 'export', '--format', 'ndjson', '--data', stage.dataFolder]
    const entries = (await stage.operate(args)).stdout.split('\n').filter(Boolean)
    if (status.leases.undelivered === 0 && entries.length >= status.audit_size) return entries
    await new Promise((next) => setTimeout(next, 200))
  }
}

/** Those of a case: of the runs, and of the requests that were refused, that its jobs name. */
function entriesOf(record: readonly string[], output: string): string[] {
  const named = [...output.matchAll(/\b(?:run|req)_[a-z0-9]{20,}/g)].map(([id]) => id)
  return record.filter((entry) => named.some((id) => entry.includes(id)))
}

function judge(
  breach: Breach,
  record: readonly string[],
  outside: Tried | undefined,
  inside: Tried | undefined,
): Row {
  const own = entriesOf(record, inside?.output ?? '')
  const missing = breach.recorded.filter((one) => !own.some((entry) => one.test(entry)))
  const problems = [
    ...(outside?.got === true ? [] : ['it did not succeed without Mayfly']),
    ...(inside?.got === false ? [] : ['it succeeded in a step']),
    ...missing.map((one) => `the record does not show ${String(one)}`),
  ]
  return {
    name: `${String(breach.number).padStart(2, '0')} ${breach.name}`,
    ok: problems.length === 0,
    note: `wanted: ${breach.wanted}; ${problems.length === 0 ? `succeeds without Mayfly, not in a step; ${own.length} entries of the record` : problems.join('; ')}`,
  }
}

/** A few at a time, results in their order. */
async function inTurn<T, R>(items: readonly T[], width: number, each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let i = next++; i < items.length; i = next++) {
        const item = items[i]
        if (item !== undefined) results[i] = await each(item)
      }
    }),
  )
  return results
}
