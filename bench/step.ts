import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setStage, type Stage } from '../demo/stage.ts'
import type { BenchResult } from './result.ts'
import { median, shellSeconds } from './statistics.ts'

const rounds = 15

/** `mayfly run -- true`, in turn with the start of Node alone and, where podman can run one, with a container. */
export async function benchRun(): Promise<BenchResult[]> {
  await using stage = await setStage()
  const env = stage.jobEnvironment()
  const podman = podmanRun()
  const run = () => stage.runJob(['run', '--role', 'build', '--', 'true'], env)
  await run()
  const times = { ours: [] as number[], node: [] as number[], podman: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    times.ours.push(await elapsedMs(run))
    times.node.push(await elapsedMs(() => execFileSync(process.execPath, ['-e', '0'])))
    if (podman !== undefined) times.podman.push(await elapsedMs(podman))
  }
  const [ours, node] = [median(times.ours), median(times.node)]
  const overPodman = podman === undefined ? undefined : ours / median(times.podman)
  return [
    {
      ...{ name: 'mayfly run -- true', value: ours, unit: 'ms', ratio: ours / node },
      ...{ against: `node -e 0: ${node.toFixed(0)} ms`, target: 'at most 4', ok: ours / node <= 4 },
    },
    ...(overPodman === undefined
      ? []
      : [
          {
            ...{ name: 'the same beside podman run', value: ours, unit: 'ms', ratio: overPodman },
            ...{
              against: `podman: ${median(times.podman).toFixed(0)} ms`,
              target: 'under 0.5',
              ok: overPodman < 0.5,
            },
          },
        ]),
  ]
}

/** A build that computes and one that asks the kernel all the time, outside and inside, in turn. */
export async function benchBuild(): Promise<BenchResult[]> {
  await using stage = await setStage()
  return [
    await inAndOut(
      stage,
      'a build that computes (gzip)',
      'cat /usr/bin/* 2>/dev/null | head -c 40000000 | gzip -6 >/dev/null; true',
      1.03,
    ),
    await inAndOut(
      stage,
      'a build of system calls (files, processes)',
      'mkdir t; for i in $(seq 400); do /bin/true; echo $i > t/$i; cat t/$i > t/copy; done; find t -type f -exec stat {} + > /dev/null; rm -r t',
      1.15,
    ),
  ]
}

async function inAndOut(stage: Stage, name: string, script: string, most: number): Promise<BenchResult> {
  const env = stage.jobEnvironment()
  const [inside, outside]: [number[], number[]] = [[], []]
  const timed = `set -e; a=$(date +%s%N); ${script}; b=$(date +%s%N); echo $((b - a))`
  for (let round = 0; round < 7; round++) {
    outside.push(await shellSeconds(script, { cwd: stage.workspace, env: { ...process.env } }))
    const ran = await stage.runJob(['run', '--role', 'build', '--', 'bash', '-c', timed], env)
    if (ran.exitCode !== 0) throw new Error(ran.stderr)
    inside.push(Number(ran.stdout.trim()) / 1e9)
  }
  const ratio = median(inside) / median(outside)
  return {
    ...{ name, value: median(inside), unit: 's', ratio },
    ...{ against: `outside: ${median(outside).toFixed(2)} s`, target: `at most ${most}`, ok: ratio <= most },
  }
}

/** A container of busybox that does nothing; undefined where there is no podman that can. */
function podmanRun(): (() => void) | undefined {
  const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((path) => existsSync(path))
  if (busybox === undefined || spawnSync('podman', ['--version']).status !== 0) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-'))
  mkdirSync(join(folder, 'bin'))
  cpSync(busybox, join(folder, 'bin/true'), { dereference: true })
  const image = 'localhost/mayfly-bench'
  const imported = spawnSync('sh', ['-c', `tar -C "$1" -c . | podman import - ${image}`, 'sh', folder])
  rmSync(folder, { recursive: true })
  const limits =
    process.getuid?.() === 0 ? ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'] : []
  const run = () =>
    spawnSync('podman', ['--runtime', 'runc', 'run', '--rm', '--network=none', ...limits, image, '/bin/true'])
  if (imported.status !== 0 || run().status !== 0) return undefined
  return () => void run()
}

async function elapsedMs(work: () => unknown): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}
