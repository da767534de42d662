import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createTreePaths } from './tree-paths.ts'

const idOf = (text: string) => createHash('sha1').update(text).digest('hex')
const treeOf = (entries: Readonly<Record<string, string>>) =>
  Buffer.concat(
    Object.entries(entries).flatMap(([name, id]) => [
      Buffer.from(`100644 ${name}\0`),
      Buffer.from(idOf(id), 'hex'),
    ]),
  )

function pathsOf(trees: Readonly<Record<string, Readonly<Record<string, string>>>>) {
  const paths = createTreePaths(20)
  for (const [tree, entries] of Object.entries(trees)) paths.add(idOf(tree), treeOf(entries))
  return paths
}

test('a file stands at every path by which a tree that nothing leads to, or a commit, leads to it', () => {
  const trees = {
    top: { a: 'folder', b: 'folder', key: 'file' },
    folder: { key: 'file' },
    old: { was: 'file' },
  }
  const paths = pathsOf(trees)
  assert.deepEqual(paths.of(idOf('file')), { paths: ['a/key', 'b/key', 'key', 'was'], isWhole: true })
  assert.deepEqual(pathsOf({ ...trees, top: { a: 'folder' }, old: {} }).of(idOf('file')).paths, ['a/key'])
  const inside = pathsOf({ ...trees, top: { a: 'folder' }, old: {} })
  inside.root(idOf('folder'))
  assert.deepEqual(inside.of(idOf('file')), { paths: ['a/key', 'key'], isWhole: true })
  assert.deepEqual(paths.of(idOf('another')), { paths: [], isWhole: true })
  paths.root(idOf('file'))
  assert.equal(paths.of(idOf('file')).isWhole, false)
})

test('paths without end are not followed without end, and names that a checkout has in another way are none', () => {
  const names = Array.from({ length: 10 }, (_, i) => String(i))
  const levels = Object.fromEntries(
    Array.from({ length: 40 }, (_, level) => [
      `level ${level + 1}`,
      Object.fromEntries(names.map((name) => [name, level === 0 ? 'file' : `level ${level}`])),
    ]),
  )
  const many = pathsOf(levels).of(idOf('file'))
  assert.equal(many.isWhole, false)
  assert.ok(many.paths.length <= 100)
  for (const name of ['fixtures/key', '..', '.', 'x'.repeat(256)])
    assert.equal(pathsOf({ top: { [name]: 'file' } }).of(idOf('file')).isWhole, false, name.slice(0, 20))
  const cut = pathsOf({ top: { key: 'file' } })
  cut.incomplete()
  assert.deepEqual(cut.of(idOf('file')), { paths: ['key'], isWhole: false })
})
