import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setStage } from '../demo/stage.ts'
import { startRegistry } from '../test/e2e/registry.ts'
import { extendPolicy } from '../test/clients/suite.ts'
import type { BenchResult } from './result.ts'
import { median } from './statistics.ts'

const rounds = 3
const mebibytes = 1_024
const host = 'registry.example.org'
const most = 1.3
const mostMemoryMb = 64

/** One blob up and down by curl, timed by the shell; `$curl` is curl with what it needs for `$base`. */
const script = `set -e
head -c ${mebibytes}M /dev/zero >big; digest=sha256:$(sha256sum <big | cut -d' ' -f1)
place() { loc=$(tr -d '\\r' <head | sed -n 's/^[Ll]ocation: *//p'); case $loc in /*) loc=$base$loc;; esac; }
up() {
  $curl -D head -o /dev/null -X POST $base/v2/bench/blob/blobs/uploads/; place
  $curl -D head -o /dev/null -X PATCH -H 'Content-Type: application/octet-stream' -T big "$loc"; place
  case $loc in *\\?*) loc="$loc&";; *) loc="$loc?";; esac
  $curl -o /dev/null -X PUT "$loc"digest=$digest
}
down() { $curl -o /dev/null $base/v2/bench/blob/blobs/$digest; }
timed() { a=$(date +%s%N); $1; b=$(date +%s%N); echo $1 $((b - a)); }
for i in $(seq ${rounds}); do timed up; timed down; done
rm big`

/** 1 GiB to a registry and back, straight and through the gateway, each held against its digest there. */
export async function benchOci(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-oci-'))
  await using started = new AsyncDisposableStack()
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const registry = started.use(await startRegistry(join(folder, 'registry'), host, 'basic'))
  const { dial, ca, credential } = registry
  const images = { kind: 'oci', url: `https://${host}`, dial, ca, credential: { basic: 'secret:registry' } }
  const stage = started.use(
    await setStage({
      policy: (text) =>
        extendPolicy(text, {
          connections: { images },
          grants: { release: ['oci:push images/bench/blob', 'oci:pull images/bench/blob'] },
        }),
    }),
  )
  await stage.operate(['secret', 'set', 'registry'], credential)
  const direct = await promisify(execFile)('bash', ['-c', script], {
    cwd: folder,
    env: { ...process.env, base: `https://${dial}`, curl: `curl -fsSk -u ${credential}` },
  })
  const status = (key: string) =>
    Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${stage.up.pid}/status`, 'utf8'))?.[1])
  const beforeKb = status('VmRSS')
  writeFileSync(`/proc/${stage.up.pid}/clear_refs`, '5')
  const ran = await stage.runJob(
    ['run', '--role', 'release', '--', 'bash', '-c', `base=https://${host}; curl='curl -fsS'; ${script}`],
    stage.jobEnvironment(),
  )
  if (ran.exitCode !== 0) throw new Error(ran.stderr)
  const memoryMb = (status('VmHWM') - beforeKb) / 1024
  return [
    ...(['up', 'down'] as const).map((way) => compare(way, direct.stdout, ran.stdout)),
    {
      name: 'memory of the gateway for it, with what Node leaves to collect',
      value: memoryMb,
      unit: 'MB',
      target: `< ${mostMemoryMb} MB`,
      ok: memoryMb < mostMemoryMb,
    },
  ]
}

function compare(way: 'up' | 'down', direct: string, through: string): BenchResult {
  const of = (text: string) =>
    median([...text.matchAll(new RegExp(`^${way} (\\d+)$`, 'gm'))].map(([, ns]) => Number(ns) / 1e9))
  const ratio = of(through) / of(direct)
  return {
    name: `a blob of 1 GiB ${way}, registry`,
    value: of(through),
    unit: 's',
    ratio,
    against: `direct: ${of(direct).toFixed(2)} s`,
    target: `at most ${most}`,
    ok: ratio <= most,
  }
}
