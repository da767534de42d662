import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type FatalError, sha256Hex, systemClock } from '../../lib/index.ts'
import type { Receipt } from '../verify/index.ts'
import { type AuditLog, type AuditLogOptions, startAuditLog } from './index.ts'

export const token = 'append-token-of-a-test'
export const origin = 'test.example/audit'

/** How often the long tests go round; `undefined` in a plain test run, which takes a fast form of each. */
export const soakRounds =
  process.env['MAYFLY_SOAK_ROUNDS'] === undefined ? undefined : Number(process.env['MAYFLY_SOAK_ROUNDS'])

/** A folder that is gone after the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-audit-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }))
  return folder
}

/** A log in this process, closed after the test. By itself it publishes only at its start and end. */
export async function openLog(
  t: TestContext,
  folder: string,
  options: Partial<AuditLogOptions> = {},
): Promise<AuditLog & { faults: FatalError[] }> {
  const faults: FatalError[] = []
  const log = await startLog(folder, { onFatal: (error) => faults.push(error), ...options })
  t.after(() => log.close())
  return { ...log, faults }
}

/** The same, for the caller to close. */
export async function startLog(folder: string, options: Partial<AuditLogOptions>): Promise<AuditLog> {
  return await startAuditLog({
    folder,
    host: '127.0.0.1',
    port: 0,
    appendTokenHash: sha256Hex(token),
    origin,
    clock: systemClock,
    onFatal: () => undefined,
    publishIntervalMs: 3_600_000,
    ...options,
  })
}

export interface AppendAnswer {
  status: number
  retryAfter: string | null
  body: { receipts: Receipt[]; signature: string; error: string; message: string }
}

export async function postEntries(
  url: string,
  entries: unknown,
  headers: Record<string, string> = { authorization: `Bearer ${token}` },
): Promise<AppendAnswer> {
  const body = typeof entries === 'string' ? entries : JSON.stringify({ entries })
  const response = await fetch(`${url}/append`, { method: 'POST', headers, body })
  const answer = (await response.json()) as AppendAnswer['body']
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body: answer }
}

/** Entries `from` up to `to`, each with a key of its own. */
export function entriesOf(
  from: number,
  to: number,
  textOf = (number: number) => `{"number":${number}}`,
): { key: string; entry: string }[] {
  return Array.from({ length: to - from }, (_, i) => ({ key: `key-${from + i}`, entry: textOf(from + i) }))
}

/** A closed log with checkpoints at these sizes besides 0. */
export async function sampleLog(
  t: TestContext,
  sizes: readonly number[],
  textOf?: (number: number) => string,
): Promise<{ folder: string; verifierKey: string; receipts: Receipt[] }> {
  const folder = await temporaryFolder(t)
  const receipts: Receipt[] = []
  let verifierKey = ''
  // Published by its close alone, and at one time: in another second the next start would sign a checkpoint again.
  const nowMs = Date.now()
  for (const size of sizes) {
    const log = await openLog(t, folder, { publishIntervalMs: 3_600_000, clock: { nowMs: () => nowMs } })
    for (let from = receipts.length; from < size; from = receipts.length) {
      const answer = await postEntries(log.url, entriesOf(from, Math.min(size, from + 1_000), textOf))
      receipts.push(...answer.body.receipts)
    }
    verifierKey = log.verifierKey
    await log.close()
  }
  return { folder, verifierKey, receipts }
}
