import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { setupScript } from './setup.ts'

const project = resolve(import.meta.dirname, '../../..')

test('scripts/setup is found from the bundle, from the source and through a link, and nowhere else', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-setup-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  symlinkSync(join(project, 'src/main/mayfly.ts'), join(folder, 'mayfly'))
  for (const entry of ['src/main/mayfly.ts', 'dist/mayfly.js'].map((path) => join(project, path)))
    assert.equal(setupScript(entry), join(project, 'scripts/setup'), entry)
  assert.equal(setupScript(join(folder, 'mayfly')), join(project, 'scripts/setup'))
  assert.equal(setupScript(join(folder, 'dist/mayfly.js')), undefined)
})
