import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readRuleFiles } from './rule-files.ts'

test('an entry of the allow list counts to the end of its day, and is told when it counts no more', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-rule-files-'))
  context.after(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'scan.yaml')
  writeFileSync(file, 'allow: [{ reason: the old test server, paths: ["test/*"], until: 2026-11-29 }]\n')
  const warningsAt = (time: string) => readRuleFiles({ file, isFound: true }, [], Date.parse(time)).warnings
  assert.deepEqual(warningsAt('2026-11-29T23:59:59Z'), [])
  assert.deepEqual(warningsAt('2026-11-30T00:00:00Z'), [
    'an entry of the allow list counts no more, its last day was 2026-11-29: the old test server',
  ])
})
