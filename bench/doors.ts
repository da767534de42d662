import { setStage } from '../demo/stage.ts'
import type { BenchResult } from './result.ts'
import { addLargeCommit } from './peers.ts'
import { median } from './statistics.ts'

const requests = 20
const clones = 3
const url = 'https://git.example.com/octo-org/links'

/**
 * The two ways out of one step in turn, by the tools' own clocks: git and curl at the proxy's port, and by the door of the host.
 * Each request is on a connection of its own: name, TLS to the run's CA, tunnel, policy, answer.
 */
const script = `set -e
request() { curl -sS -o /dev/null -w "$1 %{time_total}\\n" $2 '${url}/info/refs?service=git-upload-pack'; }
clone() { a=$(date +%s%N); git clone -q ${url} /tmp/clone; b=$(date +%s%N); rm -rf /tmp/clone; echo "$1 $((b - a))"; }
for i in $(seq ${requests}); do request proxy; request door '--noproxy *'; done
for i in $(seq ${clones}); do clone proxy-clone; NO_PROXY='*' no_proxy='*' clone door-clone; done`

export async function benchDoors(): Promise<BenchResult[]> {
  await using stage = await setStage()
  addLargeCommit(stage, 60)
  const ran = await stage.runJob(
    ['run', '--role', 'build', '--', 'bash', '-f', '-c', script],
    stage.jobEnvironment(),
  )
  if (ran.exitCode !== 0) throw new Error(ran.stderr)
  const rows = ran.stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
  const of = (name: string) => median(rows.flatMap(([key, value]) => (key === name ? [Number(value)] : [])))
  const request = of('door') * 1000
  const clone = of('door-clone') / 1e9
  return [
    {
      name: 'one HTTPS request by a door',
      value: request,
      unit: 'ms',
      ratio: request / (of('proxy') * 1000),
      against: 'the same by the proxy port',
    },
    {
      name: 'git clone, 60 MB, by a door',
      value: clone,
      unit: 's',
      ratio: clone / (of('proxy-clone') / 1e9),
      against: 'the same by the proxy port',
    },
  ]
}
