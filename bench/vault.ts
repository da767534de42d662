import { createDecipheriv } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { systemClock as clock } from '../src/lib/index.ts'
import { insertRow, openStore, type Store } from '../src/store/index.ts'
import {
  createStoredRing,
  createVault,
  createVaultKey,
  keyProviders,
  openRing,
  seal,
  type StoredRing,
  type Vault,
} from '../src/vault/index.ts'
import type { BenchResult } from './result.ts'
import { median, percentile } from './statistics.ts'

const [few, many] = [1_000, 100_000]
const reads = 5_000
const value = 'v'.repeat(40)

/**
 * To open the vault by its key file; to read a secret of 40 characters, beside what that cannot do without: one row by its key and
 * AES-256-GCM twice, with nothing around it.
 */
export async function benchVault(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-vault-'))
  const database = join(folder, 'mayfly.db')
  const keyFile = join(folder, 'vault.key')
  createVaultKey(keyFile)
  const store = openStore(database)
  const ring = createStoredRing(store)
  const deps = { store, ring, clock, keyFile, providers: keyProviders(keyFile) }
  try {
    await openRing(deps)
    const unseals: number[] = []
    for (let i = 0; i < 200; i++) unseals.push(await elapsed(() => openRing(deps)))
    const vault = createVault({ store, key: ring, clock })
    const results: BenchResult[] = [result('unseal, key file, median', median(unseals))]
    let [filled, of]: [number, number | undefined] = [0, undefined]
    for (const count of [few, many]) {
      await fill(store, ring, filled, count)
      filled = count
      const { open, bare } = await measure({ database, vault, ring, count })
      const beside = { against: 'a row by its key and AES-GCM twice' }
      const [ratio, tail] = [median(open) / median(bare), percentile(open, 99) / percentile(bare, 99)]
      results.push(
        { ...result(`read a secret of ${count}, median`, median(open)), ratio: round(ratio), ...beside },
        { ...result(`read a secret of ${count}, p99`, percentile(open, 99)), ratio: round(tail), ...beside },
      )
      // Both beside the bare read of their own moment: the machine may have become slower meanwhile.
      if (of !== undefined)
        results.push({
          ...{
            name: `vault: read a secret of ${many}, p99, against of ${few}`,
            value: round(tail / of),
            unit: 'x',
          },
          ...{ target: '<= 1.3 x', ok: tail / of <= 1.3 },
        })
      of = tail
    }
    return results
  } finally {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** As `vault.set` writes them, a thousand in a transaction. */
async function fill(store: Store, ring: StoredRing, from: number, to: number): Promise<void> {
  const plain = Buffer.from(value)
  for (let at = from; at < to; at += 1_000)
    await store.writeAll(() =>
      Array.from({ length: 1_000 }, (_, i) => `prod/s${at + i}`).flatMap((name) => [
        insertRow('secrets', {
          ...{ name, version: 1, sealed: seal(ring, `secret "${name}" version 1`, plain) },
          ...{ created_ms: 1, created_by: null, destroyed_ms: null },
        }),
        insertRow('secret_names', {
          ...{ name, owner: null, description: null, tags: '{}', current_version: 1, created_ms: 1 },
          ...{ deleted_ms: null, used_ms: null, used_by: null },
        }),
      ]),
    )
}

/** In turns, so that whatever else the machine does is in both. */
async function measure(of: { database: string; vault: Vault; ring: StoredRing; count: number }) {
  const database = new DatabaseSync(of.database, { readOnly: true })
  const statement = database.prepare('select sealed from secrets where name = ? and version = 1')
  const key = of.ring.newest().key.reveal()
  const [open, bare]: [number[], number[]] = [[], []]
  for (let i = 0; i < reads + 200; i++) {
    const name = `prod/s${(i * 7919) % of.count}`
    const one = await elapsed(async () => check((await of.vault.open(name)).reveal()))
    const two = await elapsed(async () => {
      const sealed = Buffer.from(statement.get(name)?.['sealed'] as Uint8Array)
      const context = `secret "${name}" version 1`
      const dataKey = decrypt(key, `key:${context}`, sealed.subarray(5, 65))
      check(decrypt(dataKey, `value:${context}`, sealed.subarray(65)).toString())
      await Promise.resolve()
    })
    if (i < 200) continue
    open.push(one)
    bare.push(two)
  }
  database.close()
  return { open, bare }
}

function decrypt(key: Buffer, context: string, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 })
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
}

function check(text: string): void {
  if (text !== value) throw new Error('another value came back')
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

function result(name: string, ms: number): BenchResult {
  return { name: `vault: ${name}`, value: round(ms), unit: 'ms' }
}

function round(number: number): number {
  return Math.round(number * 1000) / 1000
}
