import { execFileSync } from 'node:child_process'
import { mkdtempSync, openSync, closeSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setStage } from '../demo/stage.ts'
import { Secret } from '../src/lib/index.ts'
import { createMasker } from '../src/mask/index.ts'
import { collectArtifacts } from '../src/runner/artifacts/index.ts'
import { hashInPlace } from '../src/runner/artifacts/hash.ts'
import type { BenchResult } from './result.ts'
import { median } from './statistics.ts'

const rounds = 7
const artifacts = 20

/** A build with 20 artifacts, with and without their attestation, in turn; and how fast a large file is hashed. */
export async function benchAttestRun(): Promise<BenchResult[]> {
  return [await buildWithArtifacts(), ...(await hashing())]
}

async function buildWithArtifacts(): Promise<BenchResult> {
  await using stage = await setStage()
  const script = `mkdir -p dist; for i in $(seq ${artifacts}); do head -c 1500000 /usr/bin/perl | gzip -9 > dist/$i.gz; cat dist/$i.gz | gzip -1 | wc -c > dist/$i.txt; done; rm dist/*.txt`
  const build = (options: readonly string[]) =>
    stage.runJob(['run', '--role', 'build', ...options, '--', 'bash', '-c', script], stage.jobEnvironment())
  const attest = (round: number) => [
    '--artifact',
    'dist/*.gz',
    '--attestations',
    join(stage.folder, `out-${round}`),
  ]
  await build([])
  const [plain, attested]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    plain.push(await elapsedSeconds(() => build([])))
    attested.push(
      await elapsedSeconds(async () => {
        const ran = await build(attest(round))
        if (ran.exitCode !== 0) throw new Error(ran.stderr)
      }),
    )
  }
  const ratio = median(attested) / median(plain)
  return {
    ...{ name: `a build with ${artifacts} artifacts, attested`, value: median(attested), unit: 's', ratio },
    ...{ against: `not attested: ${median(plain).toFixed(2)} s`, target: 'under 1.03', ok: ratio < 1.03 },
  }
}

const largeBytes = 268_435_456

/** One large file, beside sha256sum: hashed alone, and as it is at the end of a step, where a secret of the job is looked for in it. */
async function hashing(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-'))
  const file = join(folder, 'large')
  const at = openSync(folder, 'r')
  try {
    execFileSync('sh', ['-c', `head -c ${largeBytes} /dev/urandom > "$1"; cat "$1" > /dev/null`, 'sh', file])
    const times = { sha256sum: [] as number[], hashed: [] as number[], searched: [] as number[] }
    for (let round = 0; round < 3; round++) {
      times.sha256sum.push(await elapsedSeconds(() => execFileSync('sha256sum', [file])))
      const from = { folder: at, name: 'large', refused: () => undefined }
      times.hashed.push(await elapsedSeconds(() => hashInPlace(from, largeBytes, () => undefined)))
      times.searched.push(await elapsedSeconds(() => collected(folder)))
    }
    const mebibytes = largeBytes / 2 ** 20
    const [sum, hashed, searched] = [median(times.sha256sum), median(times.hashed), median(times.searched)]
    const against = `sha256sum: ${(mebibytes / sum).toFixed(0)} MiB/s`
    const figure = (name: string, seconds: number) => ({
      ...{ name, value: mebibytes / seconds, unit: 'MiB/s', ratio: seconds / sum, against },
    })
    return [
      { ...figure('a file of 256 MiB hashed', hashed), target: 'at most 1', ok: hashed <= sum },
      figure('the same, and a secret looked for in it', searched),
    ]
  } finally {
    closeSync(at)
    rmSync(folder, { recursive: true })
  }
}

function collected(folder: string) {
  return collectArtifacts({
    ...{ step: 'build', workspace: { path: folder, id: 'w' }, patterns: ['large'], store: undefined },
    ...{ isCovered: () => false, onSeen: () => undefined },
    masker: createMasker([new Secret('hunter22-hunter22', 'NPM_TOKEN')]),
  })
}

async function elapsedSeconds(work: () => unknown): Promise<number> {
  const startedMs = performance.now()
  await work()
  return (performance.now() - startedMs) / 1000
}
