import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { npmRegistry, projectFolder, setStage, startUp, type Stage } from '../demo/stage.ts'
import { startPackageServer, type PackageServer } from './package-server.ts'
import type { BenchResult } from './result.ts'
import { median, shellSeconds } from './statistics.ts'

/** `mayfly up` from its start to ready, and what both processes hold in memory. */
export async function benchUp(): Promise<BenchResult[]> {
  const readySeconds: number[] = []
  let residentMb = 0
  for (let round = 0; round < 5; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-'))
    const startedMs = performance.now()
    const up = await startUp(join(folder, 'data'))
    readySeconds.push((performance.now() - startedMs) / 1000)
    const { pid, auditPid } = JSON.parse(readFileSync(join(folder, 'data/up.json'), 'utf8')) as {
      pid: number
      auditPid: number
    }
    residentMb = Math.max(residentMb, residentMbOf(pid) + residentMbOf(auditPid))
    await up.stop()
    rmSync(folder, { recursive: true })
  }
  const seconds = median(readySeconds)
  return [
    { name: 'up to ready (first start)', value: seconds, unit: 's', target: '< 1.5 s', ok: seconds < 1.5 },
    {
      name: 'resident memory, both processes',
      value: residentMb,
      unit: 'MB',
      target: '< 200 MB',
      ok: residentMb < 200,
    },
  ]
}

function residentMbOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
}

const rounds = 5

/** A clone of 60 MB straight from the server and through the gateway, in turn; only the clone itself is timed. */
export async function benchGit(): Promise<BenchResult[]> {
  await using stage = await setStage()
  addLargeCommit(stage, 60)
  const direct: number[] = []
  const through: number[] = []
  const url = `https://${stage.git.dial}/octo-org/links`
  const header = `Authorization: Basic ${Buffer.from(stage.git.credential).toString('base64')}`
  const env = stage.jobEnvironment()
  for (let round = 0; round < rounds; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-'))
    direct.push(
      await shellSeconds(`git -c http.sslVerify=false -c http.extraHeader="$HEADER" clone -q ${url} clone`, {
        cwd: folder,
        env: { ...process.env, HEADER: header },
      }),
    )
    rmSync(folder, { recursive: true })
    through.push(await timedStep(stage, env, 'git clone -q https://git.example.com/octo-org/links clone'))
    rmSync(join(stage.workspace, 'clone'), { recursive: true })
  }
  return [compare('git clone, 60 MB', direct, through, 1.1)]
}

/**
 * `npm ci` with an empty cache of npm's, straight from a registry on this machine and through the gateway, in turn: with what the
 * gateway keeps of earlier steps, and without.
 */
export async function benchNpm(): Promise<BenchResult[]> {
  await using registry = await startPackageServer(npmRegistry(), 'registry.example.com')
  const fixture = join(projectFolder, 'bench/fixtures/npm')
  const { packages } = JSON.parse(readFileSync(join(fixture, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, unknown>
  }
  const name = `npm ci, ${Object.keys(packages).length - 1} packages`
  const cold = await timeNpm(registry, fixture, 'off')
  const cached = await timeNpm(registry, fixture, '{ size: 10GiB }')
  return [
    compare(name, cold.direct, cold.through, 1.15),
    compare(`${name}, kept by the gateway`, cached.direct, cached.through, 0.8),
  ]
}

async function timeNpm(
  registry: PackageServer,
  fixture: string,
  cache: string,
): Promise<{ direct: number[]; through: number[] }> {
  const { url, dial, ca } = registry
  const connection = JSON.stringify({ kind: 'npm', url, dial, ca })
  await using stage = await setStage({
    policy: (text) => `cache: ${cache}\n${text.replace(/^ {2}npm: .*$/m, () => `  npm: ${connection}`)}`,
  })
  const env = stage.jobEnvironment()
  // The same Node and npm on both sides: a step has the machine's own.
  const { stdout } = await stage.runJob(['run', '--role', 'build', '--', 'sh', '-c', 'echo "$PATH"'], env)
  const straightEnv = {
    ...env,
    ...{ PATH: stdout.trim(), npm_config_update_notifier: 'false', npm_config_strict_ssl: 'false' },
  }
  const direct: number[] = []
  const through: number[] = []
  for (let round = -1; round < rounds; round++) {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-'))
    for (const file of ['package.json', 'package-lock.json']) {
      cpSync(join(fixture, file), join(folder, file))
      cpSync(join(fixture, file), join(stage.workspace, file))
    }
    const straight = await shellSeconds(
      `npm ci --ignore-scripts --no-audit --no-fund --registry https://${dial} --cache ${join(folder, 'cache')} >/dev/null`,
      { cwd: folder, env: straightEnv },
    )
    rmSync(folder, { recursive: true })
    const ours = await timedStep(stage, env, 'npm ci --ignore-scripts >/dev/null')
    rmSync(join(stage.workspace, 'node_modules'), { recursive: true })
    // The first round is for the server, which fetches what it will serve, and for the gateway, which keeps it.
    if (round === -1) continue
    direct.push(straight)
    through.push(ours)
  }
  return { direct, through }
}

export function compare(
  name: string,
  direct: readonly number[],
  through: readonly number[],
  most: number,
): BenchResult {
  const ratio = median(through) / median(direct)
  return {
    name,
    value: median(through),
    unit: 's',
    ratio,
    against: `direct: ${median(direct).toFixed(2)} s`,
    target: `at most ${most}`,
    ok: ratio <= most,
  }
}

export async function timedStep(stage: Stage, env: Record<string, string>, command: string): Promise<number> {
  const ran = await stage.runJob(
    [
      'run',
      '--role',
      'build',
      '--',
      'bash',
      '-c',
      `set -e; a=$(date +%s%N); ${command}; b=$(date +%s%N); echo $((b - a))`,
    ],
    env,
  )
  if (ran.exitCode !== 0) throw new Error(ran.stderr)
  return Number(ran.stdout.trim().split('\n').at(-1)) / 1e9
}

export function addLargeCommit(stage: Stage, megabytes: number): void {
  const work = join(stage.folder, 'large')
  const bare = join(stage.git.root, 'octo-org/links.git')
  const git = (args: string[], cwd = work) =>
    execFileSync(
      'git',
      ['-c', 'safe.directory=*', '-c', 'user.name=bench', '-c', 'user.email=bench@example.com', ...args],
      { cwd, stdio: 'pipe' },
    )
  git(['clone', '-q', bare, work], stage.folder)
  mkdirSync(join(work, 'data'))
  for (let i = 0; i < megabytes; i++) writeFileSync(join(work, 'data', `${i}.bin`), randomBytes(1_048_576))
  git(['add', '-f', '.'])
  git(['commit', '-q', '-m', 'Data that does not compress'])
  git(['push', '-q', 'origin', 'main'])
}
