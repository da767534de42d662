import assert from 'node:assert/strict'
import { test } from 'node:test'
import { artifactListProblem } from './index.ts'

const listed = (...paths: string[]) =>
  artifactListProblem(paths.map((path) => ({ path, sha256: 'a'.repeat(64), bytes: 1 })))

test('a file of a list is named by its way below the workspace, and by no other', () => {
  for (const path of ['app.tgz', 'dist/app.tgz', '.hidden', '..x/y..', 'a b', 'pkg:x', 'C:\\x', '...'])
    assert.equal(listed(path), undefined, path)
  for (const path of ['/etc/passwd', '../x', 'a/../b', 'a//b', './a', 'a/.', 'a/', '/', '..', '.', 'a/..'])
    assert.match(listed('app.tgz', path) ?? '', /not one below the workspace/, path)
  assert.match(listed('a', 'a') ?? '', /twice/)
  assert.match(listed('') ?? '', /empty/)
  assert.match(listed('a\0b') ?? '', /NUL/)
})
