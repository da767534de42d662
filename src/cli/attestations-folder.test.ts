import assert from 'node:assert/strict'
import { mkdtempSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { attestationsFolder } from './attestations-folder.ts'

test('the folder of attestations: below the workspace it is walked from there, elsewhere made at once; never a .git', (t) => {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'mayfly-test-')))
  t.after(() => rmSync(home, { recursive: true }))
  const workspace = join(home, 'w')
  const of = (path: string) => attestationsFolder(join(home, path), workspace)
  const shown = (path: string) => ({ shown: join(home, path) })
  assert.deepEqual(of('w/out/x'), { root: workspace, names: ['out', 'x'], ...shown('w/out/x') })
  assert.deepEqual(of('w'), { root: workspace, names: [], ...shown('w') })
  assert.deepEqual(of('w2/..x'), { root: join(home, 'w2/..x'), names: [], ...shown('w2/..x') })
  assert.ok(statSync(join(home, 'w2/..x')).isDirectory())
  // A link from outside that leads into the workspace is walked there, too.
  symlinkSync(home, join(home, 'link'))
  assert.deepEqual(of('link/w/out'), { root: workspace, names: ['out'], ...shown('link/w/out') })
  for (const path of ['w/.git/x', 'w/sub/.GIT', 'other/.git/x'])
    assert.throws(() => of(path), { code: 'bad_input', message: /nothing is written to a \.git/ })
})
