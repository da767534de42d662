import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Receipt } from '../verify/index.ts'
import { verifyFolder } from '../verify/node.ts'
import { postEntries, temporaryFolder } from './log.fixture.ts'
import { type LogProcess, spawnLog } from './spawn.fixture.ts'

// A soak of hours is this test with another number.
const rounds = Number(process.env['MAYFLY_SOAK_ROUNDS'] ?? 15)

test(`kill -9 at ${rounds} random moments: no receipt is broken, no checkpoint contradicted`, async (t) => {
  const folder = await temporaryFolder(t)
  const receipts: Receipt[] = []
  const known = new Set<string>()
  let verifierKey = ''
  for (let round = 0; round < rounds; round++) {
    const log = await spawnLog(folder, 15)
    assert.ok(typeof log !== 'string', `round ${round}: ${String(log)}`)
    verifierKey = log.verifierKey
    const timer = setTimeout(() => void log.process.kill('SIGKILL'), Math.random() * 250)
    const writers = Array.from({ length: 4 }, (_, i) => appendUntilDead(log, `${round}-${i}`, receipts))
    await Promise.all([...writers, collectCheckpoints(log, known)])
    clearTimeout(timer)
    await log.end('SIGKILL')
  }
  const last = await spawnLog(folder, 15)
  assert.ok(typeof last !== 'string', String(last))
  await last.end('SIGTERM')
  const verdict = await verifyFolder(folder, verifierKey, { known: [...known], receipts })
  assert.ok(verdict.ok, JSON.stringify(verdict))
  assert.ok(verdict.size >= receipts.length && receipts.length > 0)
  assert.equal((await readFile(join(folder, 'key.vkey'), 'utf8')).trim(), verifierKey)
})

async function appendUntilDead(log: LogProcess, name: string, receipts: Receipt[]): Promise<void> {
  for (let i = 0; ; i++) {
    const entries = Array.from({ length: 1 + (i % 40) }, (_, k) => ({
      key: `${name}-${i}-${k}`,
      entry: `{"n":"${name}-${i}-${k}"}`,
    }))
    const answer = await postEntries(log.url, entries).catch(() => undefined)
    if (answer === undefined) return
    assert.equal(answer.status, 200)
    receipts.push(...answer.body.receipts)
  }
}

async function collectCheckpoints(log: LogProcess, known: Set<string>): Promise<void> {
  for (;;) {
    const note = await fetch(`${log.url}/checkpoint`)
      .then((response) => response.text())
      .catch(() => undefined)
    if (note === undefined) return
    known.add(note)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
