import { cpus, totalmem } from 'node:os'
import { benchAttestVerify } from './attest-verify.ts'
import { benchAttestationLog } from './attestation-log.ts'
import { benchAttest } from './attest.ts'
import { benchVerify } from './audit-verify.ts'
import { benchAttestRun } from './attest-run.ts'
import { benchAudit } from './audit.ts'
import { benchCrowd } from './crowd.ts'
import { benchDoors } from './doors.ts'
import { benchExchange } from './exchange.ts'
import { benchFind } from './find.ts'
import { benchInspection } from './inspection.ts'
import { benchLeases } from './leases.ts'
import { benchLogs } from './logs.ts'
import { benchMask } from './mask.ts'
import { benchOci } from './oci.ts'
import { benchPostgres } from './postgres.ts'
import { benchGit, benchNpm, benchUp } from './peers.ts'
import { benchPip } from './pip.ts'
import { benchPolicy } from './policy.ts'
import { benchRedis } from './redis.ts'
import type { BenchResult } from './result.ts'
import { benchRevokeStep } from './revoke-step.ts'
import { benchRevoke } from './revoke.ts'
import { benchScan } from './scan/peers.ts'
import { benchScanSpeed } from './scan/speed.ts'
import { benchS3 } from './s3.ts'
import { benchScanEngine } from './scan-engine.ts'
import { benchSsh } from './ssh.ts'
import { benchBuild, benchRun } from './step.ts'
import { benchVault } from './vault.ts'

/** Every figure that we state, by name: `npm run bench -- NAME`. */
const benches: Readonly<Record<string, () => Promise<BenchResult[]>>> = {
  up: benchUp,
  exchange: benchExchange,
  revoke: benchRevoke,
  'revoke-step': benchRevokeStep,
  policy: benchPolicy,
  audit: benchAudit,
  'attestation-log': benchAttestationLog,
  attest: benchAttest,
  'audit-large': () => benchVerify(10_000_000),
  'attest-verify': benchAttestVerify,
  find: () => benchFind(100_000),
  'find-large': () => benchFind(10_000_000),
  run: benchRun,
  build: benchBuild,
  'attest-run': benchAttestRun,
  git: benchGit,
  npm: benchNpm,
  pip: benchPip,
  crowd: benchCrowd,
  oci: benchOci,
  s3: benchS3,
  postgres: benchPostgres,
  redis: benchRedis,
  ssh: benchSsh,
  doors: benchDoors,
  mask: benchMask,
  inspection: benchInspection,
  logs: benchLogs,
  leases: benchLeases,
  vault: benchVault,
  'scan-engine': benchScanEngine,
  scan: benchScan,
  'scan-speed': benchScanSpeed,
}

/** Takes minutes, so only when it is asked for. */
const onRequest = ['audit-large', 'find-large', 'scan', 'scan-speed']

const words = process.argv.slice(2)
const json = words.includes('--json')
const names = words.filter((word) => !word.startsWith('--'))
const unknown = names.find((name) => !(name in benches))
if (unknown !== undefined) {
  process.stderr.write(`bench: there is no "${unknown}"; there are ${Object.keys(benches).join(', ')}\n`)
  process.exit(2)
}

const results: BenchResult[] = []
const usual = Object.keys(benches).filter((name) => !onRequest.includes(name))
for (const name of names.length > 0 ? names : usual) {
  if (!json) process.stderr.write(`${name} ...\n`)
  results.push(...((await benches[name]?.()) ?? []))
}
const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'cpu'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`
process.stdout.write(json ? `${JSON.stringify({ machine, results })}\n` : `${render()}\n`)

function render(): string {
  const rows = results.map(({ name, value, unit, ratio, against, target, ok }) => [
    name,
    `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${unit}`,
    ratio === undefined ? '' : ratio.toFixed(2),
    against ?? '',
    target ?? '',
    ok === undefined ? '' : ok ? 'met' : 'MISSED',
  ])
  const all = [['WHAT', 'MEDIAN', 'RATIO', 'AGAINST', 'TARGET', ''], ...rows]
  const widths = all[0]?.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0))) ?? []
  return [
    machine,
    ...all.map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
  ].join('\n')
}
