import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setStage, type Stage } from '../demo/stage.ts'
import type { BenchResult } from './result.ts'
import { median, percentile } from './statistics.ts'

const atOnce = 4
const rounds = 25

/**
 * From the moment the operator's request goes out to the moment `mayfly run` says that its step was ended: what a revocation
 * takes to reach the runner. Every other step is refused something meanwhile, four times a second.
 */
export async function benchRevokeStep(): Promise<BenchResult[]> {
  await using stage = await setStage()
  const samples: number[] = []
  for (let round = 0; round < rounds; round++) samples.push(...(await revokeOnce(stage)))
  const p99 = percentile(samples, 99)
  return [
    { name: 'revocation, until a running step is ended, p50', value: median(samples), unit: 'ms' },
    { name: 'the same, p99', value: p99, unit: 'ms', target: '< 100 ms', ok: p99 < 100 },
  ]
}

async function revokeOnce(stage: Stage): Promise<number[]> {
  const steps = Array.from({ length: atOnce }, (_, i) => startStep(stage, i))
  await Promise.all(steps.map(({ runs }) => runs))
  const startedMs = performance.now()
  const revoked = await fetch(`${stage.server}/v1/revoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stage.operatorToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ role: 'build' }),
  })
  if (!revoked.ok) throw new Error(`revoke answered ${revoked.status}`)
  const ends = await Promise.all(steps.map(({ ends }) => ends))
  await Promise.all(steps.map(({ done }) => done))
  return ends.map((endedMs) => endedMs - startedMs)
}

function startStep(stage: Stage, i: number) {
  const workspace = join(stage.folder, `workspace-${i}`)
  mkdirSync(workspace, { recursive: true })
  const script =
    i % 2 === 0
      ? 'sleep 0.6; echo runs >&2; sleep 60'
      : '(sleep 0.6; echo runs >&2) & for n in $(seq 200); do curl -s -o /dev/null https://refused-$n.example.org; sleep 0.25; done'
  const runs = Promise.withResolvers<void>()
  const ends = Promise.withResolvers<number>()
  const done = stage.runJob(
    ['run', '--workspace', workspace, '--role', 'build', '--', 'sh', '-c', script],
    stage.jobEnvironment(),
    (text) => {
      if (/^runs$/m.test(text)) runs.resolve()
      if (text.includes('was ended by the server')) ends.resolve(performance.now())
    },
  )
  done.then(({ exitCode, stdout, stderr }) => {
    const why = new Error(
      `the step ${i} ended by itself after ${performance.now()}: ${JSON.stringify([exitCode, stdout, stderr])}`,
    )
    runs.reject(why)
    ends.reject(why)
  }, runs.reject)
  return { runs: runs.promise, ends: ends.promise, done }
}
