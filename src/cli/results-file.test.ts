import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openResultsFiles } from './results-file.ts'

const result = { runId: 'run_1', sessionId: 'ses_1', steps: [], notRun: [], exitCode: 0 }

test('results are written where they were asked for; a folder that was moved away meanwhile is told, and not taken for ours', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const reports = join(folder, 'reports')
  const results = join(reports, 'results.json')
  mkdirSync(reports)
  {
    using files = openResultsFiles({ results })
    files.write(result)
  }
  assert.deepEqual(JSON.parse(readFileSync(results, 'utf8')), result)
  using files = openResultsFiles({ results })
  renameSync(reports, join(folder, 'old'))
  assert.throws(() => files.write(result), { code: 'bad_input', message: /a step moved its folder/ })
  mkdirSync(reports)
  writeFileSync(results, 'forged')
  assert.throws(() => files.write(result), { code: 'bad_input', message: /a step moved its folder/ })
})
