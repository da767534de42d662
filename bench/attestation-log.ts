import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAttestationLog, type AttestationLogClient } from '../src/attest/sign/index.ts'
import { canonicalEntry } from '../src/attest/verify/index.ts'
import { childToken, spawnLog } from '../src/audit/log/spawn.fixture.ts'
import { Secret } from '../src/lib/index.ts'
import type { BenchResult } from './result.ts'

const entries = 2_000
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const spki = publicKey.export({ format: 'der', type: 'spki' })

/** The attestation log by its client: durable, under a signed checkpoint, with a proof, both verified, and a timestamp, which the bundle verifies. */
export async function benchAttestationLog(): Promise<BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-bench-attest-'))
  const log = await spawnLog(folder, 1_000, '', 'attest')
  if (typeof log === 'string') throw new Error(log)
  const appendToken = new Secret(childToken)
  const client = createAttestationLog({ url: log.url, appendToken, verifierKey: log.attestationKey })
  try {
    await addMany(client, 200, 8)
    return [
      ...(await atOnce(client, 1, 500)),
      ...(await atOnce(client, 8, entries)),
      ...(await atOnce(client, 64, entries * 2)),
    ]
  } finally {
    await client.close()
    await log.end('SIGTERM')
    await rm(folder, { recursive: true, force: true })
  }
}

async function atOnce(client: AttestationLogClient, callers: number, count: number): Promise<BenchResult[]> {
  const startMs = performance.now()
  const times = (await addMany(client, count, callers)).sort((a, b) => a - b)
  const perSecond = count / ((performance.now() - startMs) / 1_000)
  const name = `attestation log, ${callers} at once:`
  const quantile = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0
  const isAimed = callers > 1
  return [
    {
      ...{ name: `${name} entries`, value: perSecond, unit: 'entries/s' },
      ...(isAimed ? { target: '>= 300 entries/s', ok: perSecond >= 300 } : {}),
    },
    {
      ...{ name: `${name} p50`, value: quantile(0.5), unit: 'ms' },
      ...(callers === 1 ? { target: '< 20 ms', ok: quantile(0.5) < 20 } : {}),
    },
    { name: `${name} p99`, value: quantile(0.99), unit: 'ms' },
  ]
}

let number = 0

/** Milliseconds that each took, without the signature that is logged. */
async function addMany(client: AttestationLogClient, count: number, callers: number): Promise<number[]> {
  const times: number[] = []
  let left = count
  const worker = async () => {
    while (left-- > 0) {
      const message = Buffer.from(`message ${number++}`)
      const signature = sign('sha256', message, privateKey)
      const digest = createHash('sha256').update(message).digest()
      const entry = Buffer.from(canonicalEntry({ digest, signature, by: { kind: 'key', der: spki } }))
      const startMs = performance.now()
      await client.add(entry, signature)
      times.push(performance.now() - startMs)
    }
  }
  await Promise.all(Array.from({ length: callers }, worker))
  return times
}
