import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { writeChanges } from './checkout-files.ts'

function checkout(t: TestContext): { readonly root: string; readonly outside: string } {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-files-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [root, outside] = [join(folder, 'checkout'), join(folder, 'outside')]
  for (const one of [root, outside]) mkdirSync(one)
  writeFileSync(join(root, 'a.yml'), 'a\n')
  return { root, outside }
}

const refused = (root: string, change: Parameters<typeof writeChanges>[1][number], why: RegExp) =>
  assert.throws(() => writeChanges(root, [{ path: 'new.yml', before: undefined, after: 'new\n' }, change]), {
    code: 'bad_input',
    message: why,
  })

test('files are written with the mode that they had, and nothing is left beside them', (t) => {
  const { root } = checkout(t)
  chmodSync(join(root, 'a.yml'), 0o600)
  writeChanges(root, [
    { path: 'a.yml', before: 'a\n', after: 'b\n' },
    { path: 'deep/er/new.yml', before: undefined, after: 'new\n' },
  ])
  assert.equal(readFileSync(join(root, 'a.yml'), 'utf8'), 'b\n')
  assert.equal(statSync(join(root, 'a.yml')).mode & 0o777, 0o600)
  assert.equal(readFileSync(join(root, 'deep/er/new.yml'), 'utf8'), 'new\n')
  assert.deepEqual(readdirSync(root).toSorted(), ['a.yml', 'deep'])
})

test('one that cannot be written keeps all from being written', (t) => {
  const { root, outside } = checkout(t)
  refused(root, { path: 'a.yml', before: 'other\n', after: 'b\n' }, /has changed since it was read/)
  refused(root, { path: 'a.yml', before: undefined, after: 'b\n' }, /is there already/)
  refused(root, { path: 'gone.yml', before: 'a\n', after: 'b\n' }, /is no regular file/)
  writeFileSync(join(outside, 'x.yml'), 'a\n')
  symlinkSync(join(outside, 'x.yml'), join(root, 'link.yml'))
  refused(root, { path: 'link.yml', before: 'a\n', after: 'b\n' }, /is no regular file/)
  symlinkSync(join(outside, 'nowhere'), join(root, 'dead.yml'))
  refused(root, { path: 'dead.yml', before: undefined, after: 'b\n' }, /is there already/)
  symlinkSync(outside, join(root, 'folder'))
  refused(root, { path: 'folder/x.yml', before: 'a\n', after: 'b\n' }, /leads out of the checkout/)
  refused(root, { path: 'folder/sub/x.yml', before: undefined, after: 'b\n' }, /leads out of the checkout/)
  execFileSync('mkfifo', [join(root, 'pipe.yml')])
  refused(root, { path: 'pipe.yml', before: '', after: 'b\n' }, /is no regular file/)
  assert.equal(existsSync(join(root, 'new.yml')), false)
  assert.deepEqual(readdirSync(outside), ['x.yml'])
  assert.equal(readFileSync(join(outside, 'x.yml'), 'utf8'), 'a\n')
  assert.deepEqual(
    readdirSync(root).filter((name) => name.startsWith('.')),
    [],
  )
})
