import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchResult } from '../result.ts'
import { parts, type Part } from './labels/held.ts'
import { labelledSet, writeSet, type LabelledFile } from './labels/set.ts'
import { isSkipped, scan, scanners, type Scanner } from './scanners.ts'
import { judge, scoreOf, type Score, type Verdicts } from './score.ts'

interface Measured {
  readonly name: string
  readonly seconds: number
  readonly cpuSeconds: number
  readonly verdicts: Verdicts
}

/** Recall and precision of ours and of others on the labelled set, one after the other on the same files. */
export async function benchScan(): Promise<BenchResult[]> {
  const set = labelledSet()
  const measured = await measureAll(set)
  return [
    ...setResults(set),
    ...parts.flatMap((part) => partResults(measured, part)),
    ...timeResults(measured),
  ]
}

/** Writes the set to a folder of its own, and has each scanner read it. */
export async function measureAll(
  set: readonly LabelledFile[],
  names?: readonly string[],
): Promise<Measured[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-labels-'))
  try {
    writeSet(folder, set)
    const measured: Measured[] = []
    for (const scanner of scanners(names)) {
      const one = isSkipped(scanner) ? scanner : await measure(scanner, folder, set)
      if (isSkipped(one)) process.stderr.write(`scan: ${one.name} is left out: ${one.why}\n`)
      else measured.push(one)
    }
    return measured
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(scanner: Scanner, folder: string, set: readonly LabelledFile[]) {
  const scanned = await scan(scanner, 'tree', { cwd: folder, limitSeconds: 1_200 })
  if (isSkipped(scanned)) return scanned
  const { seconds, cpuSeconds, isStopped } = scanned.ran
  if (isStopped) return { name: scanner.name, why: `it was not done after ${Math.round(seconds)} s` }
  return { name: scanner.name, seconds, cpuSeconds, verdicts: judge(set, scanned.findings) }
}

function setResults(set: readonly LabelledFile[]): BenchResult[] {
  return parts.flatMap((part) =>
    (['secret', 'decoy'] as const).map((truth) => {
      const labels = set.filter((file) => file.part === part).flatMap((file) => file.labels)
      const value = labels.filter((label) => label.truth === truth).length
      const kinds = new Set(labels.filter((label) => label.truth === truth).map(({ kind }) => kind)).size
      return { name: `scan: ${part} part, ${truth}s of ${kinds} kinds`, value, unit: 'labels' }
    }),
  )
}

type Figure = 'precision' | 'recall' | 'f1'

/** Ours has to be above each of the others, in both figures and both parts. */
function partResults(measured: readonly Measured[], part: Part): BenchResult[] {
  const scores = measured.map(({ name, verdicts }) => ({ name, score: scoreOf(verdicts, part) }))
  const ours = scores.find(({ name }) => name === 'mayfly')?.score
  return scores.flatMap(({ name, score }) =>
    (['precision', 'recall', 'f1'] as const).map((figure) => {
      const result = {
        name: `scan: ${figure}, ${part} part, ${name}`,
        value: percent(score[figure]),
        unit: '%',
      }
      return name === 'mayfly'
        ? { ...result, ...best(scores, score, figure) }
        : { ...result, ...beside(ours, score, figure) }
    }),
  )
}

function best(scores: readonly { name: string; score: Score }[], ours: Score, figure: Figure) {
  const others = scores.filter(({ name }) => name !== 'mayfly').map(({ score }) => score[figure])
  if (others.length === 0) return {}
  return { target: `> ${percent(Math.max(...others))} %`, ok: ours[figure] > Math.max(...others) }
}

function beside(ours: Score | undefined, score: Score, figure: Figure) {
  return ours === undefined ? {} : { ratio: score[figure] / ours[figure], against: 'ours' }
}

function timeResults(measured: readonly Measured[]): BenchResult[] {
  const ours = measured.find(({ name }) => name === 'mayfly')
  return measured.map(({ name, seconds, cpuSeconds }) => ({
    name: `scan: the set of files, ${name} (${cpuSeconds.toFixed(1)} s of processor)`,
    value: seconds,
    unit: 's',
    ...(ours === undefined || name === 'mayfly' ? {} : { ratio: seconds / ours.seconds, against: 'ours' }),
  }))
}

function percent(share: number): number {
  return Math.round(share * 1_000) / 10
}
