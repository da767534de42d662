import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createAttestationLog,
  createKeylessSigner,
  createLogSize,
  type BundleSigner,
} from '../src/attest/sign/index.ts'
import { createTrustKeeper } from '../src/attest/trust/index.ts'
import { childToken, spawnLog, type LogProcess } from '../src/audit/log/spawn.fixture.ts'
import { Secret, systemClock } from '../src/lib/index.ts'
import { openStore } from '../src/store/index.ts'
import type { BenchResult } from './result.ts'
import { median } from './statistics.ts'

const who = {
  san: 'https://github.com/octo/app/.github/workflows/x.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
  claims: { sourceRepositoryURI: 'https://github.com/octo/app', sourceRepositoryIdentifier: '74' },
}
const concurrency = 32

/**
 * A signing as the server does it: a key and its certificate, the signature, an entry of the attestation log (a process of its own) that
 * is on the disk and under a signed checkpoint, a timestamp, and the whole bundle verified before it is handed out.
 */
export async function benchAttest(): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-bench-attest-'))
  const log = await spawnLog(join(folder, 'log'), 1_000, '', 'attest')
  if (typeof log === 'string') throw new Error(log)
  try {
    return await withSigner(join(folder, 'mayfly.db'), log)
  } finally {
    await log.end('SIGTERM')
    await rm(folder, { recursive: true, force: true })
  }
}

async function withSigner(database: string, log: LogProcess): Promise<BenchResult[]> {
  const { url, attestationKey: verifierKey } = log
  const client = createAttestationLog({ url, verifierKey, appendToken: new Secret(childToken) })
  const store = openStore(database)
  const trust = createTrustKeeper({
    ...{
      store,
      clock: systemClock,
      vaultKey: new Secret(randomBytes(32)),
      url: () => 'https://mayfly.example.com',
    },
    records: { write: (work) => store.write((tx) => work(tx, () => undefined)) },
    log: { keys: () => client.keys(), size: createLogSize({ url, verifierKey }) },
  })
  await trust.sweep()
  const signer = createKeylessSigner({
    ...{ log: client, clock: systemClock, check: trust.check, authority: () => trust.authority() },
  })
  try {
    await signMany(signer, 300, 8)
    const alone = await signMany(signer, 300, 1)
    const [startMs, before] = [performance.now(), process.cpuUsage()]
    const together = await signMany(signer, 3_000, concurrency)
    const perSecond = together.length / ((performance.now() - startMs) / 1_000)
    const { user, system } = process.cpuUsage(before)
    const p50 = median(alone)
    return [
      {
        name: 'attest: sign, log, timestamp, verify p50, one at a time',
        value: p50,
        unit: 'ms',
        target: '< 20',
        ok: p50 < 20,
      },
      { name: 'attest: signings', value: perSecond, unit: '/s', target: '>= 300', ok: perSecond >= 300 },
      { name: `attest: p50 with ${concurrency} under way`, value: median(together), unit: 'ms' },
      // Says the same on a busy machine as on an idle one, or near it.
      {
        name: "attest: the server's processor time for each",
        value: (user + system) / 1_000 / together.length,
        unit: 'ms',
      },
    ]
  } finally {
    await client.close()
    await store.close()
  }
}

/** Milliseconds that each took. */
async function signMany(signer: BundleSigner, count: number, atOnce: number): Promise<number[]> {
  const times: number[] = []
  let started = 0
  const worker = async () => {
    while (started < count) {
      const bytes = statement(started++)
      const startMs = performance.now()
      await signer.statement(bytes, who)
      times.push(performance.now() - startMs)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return times
}

/** Of the size of a provenance with some dependencies. */
function statement(number: number): Buffer {
  const dependencies = Array.from({ length: 40 }, (_, i) => ({
    uri: `pkg:npm/package-${i}@1.0.${i}`,
    digest: { sha256: 'a'.repeat(64) },
  }))
  return Buffer.from(
    JSON.stringify({
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: `app-${number}.tgz`, digest: { sha256: randomBytes(32).toString('hex') } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: { buildDefinition: { buildType: 'urn:mayfly:step:v1', resolvedDependencies: dependencies } },
    }),
  )
}
