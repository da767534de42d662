import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { probeIsolation } from '../../src/runner/sandbox/index.ts'
import { isWhole } from '../whole.ts'
import type { Row } from './suite.ts'

const program = fileURLToPath(new URL('breaches.ts', import.meta.url))

/** Why it cannot be replayed here. */
async function unavailable(): Promise<string | undefined> {
  const probe = await probeIsolation()
  if (probe.tier !== 'B') return probe.why
  const options = process.getuid?.() === 0 ? ['-nm'] : ['-Urnm']
  const made = spawnSync('unshare', [...options, 'true'], { encoding: 'utf8' })
  return made.status === 0
    ? undefined
    : `no network namespace can be made: ${made.error?.message ?? made.stderr.trim()}`
}

/** One of each way: what was stolen, what a trigger let in, what a package brought. */
const chosen = isWhole ? Array.from({ length: 20 }, (_, i) => i + 1) : [1, 4, 8, 12, 16, 20]

test('the breaches succeed without Mayfly; in a step none of them gets what it wanted, and the record shows it', async (t) => {
  const why = await unavailable()
  if (why !== undefined) return t.skip(why)
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, '--json', '--planted', ...chosen.map(String)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.after(() => void child.kill())
  const { rows } = JSON.parse(await text(child.stdout)) as { rows: Row[] }
  const [planted, ...cases] = rows
  assert.deepEqual(
    cases.filter(({ ok }) => !ok).map(({ name, note }) => `${name}: ${note}`),
    [],
  )
  assert.deepEqual(
    cases.map(({ name }) => Number(name.slice(0, 2))),
    chosen,
  )
  // The suite can fail, for both of its reasons.
  assert.equal(planted?.ok, false)
  assert.match(planted?.note ?? '', /it succeeded in a step; the record does not show/)
})
