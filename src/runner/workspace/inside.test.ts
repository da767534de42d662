import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { existsInside, readInside, removeInside } from './inside.ts'

test('a plain file is read; a link, a pipe, a device, a folder and what is outside are not', (t) => {
  const root = temporaryFolder(t)
  const outside = temporaryFolder(t)
  writeFileSync(join(outside, 'file'), 'of the machine')
  mkdirSync(join(root, 'a/b'), { recursive: true })
  writeFileSync(join(root, 'a/b/file'), 'mine')
  symlinkSync(join(outside, 'file'), join(root, 'link'))
  symlinkSync(outside, join(root, 'folder'))
  symlinkSync('/dev/zero', join(root, 'zero'))
  execFileSync('mkfifo', [join(root, 'pipe')])
  assert.equal(readInside(root, 'a/b/file', 100), 'mine')
  const others = [
    'link',
    'folder/file',
    'zero',
    'pipe',
    'a',
    'none',
    'a/b/file/x',
    '../x',
    'a/../a/b/file',
    '/etc/passwd',
    '',
  ]
  assert.deepEqual(
    others.filter((path) => readInside(root, path, 100) !== undefined),
    [],
  )
})

// Was so once: a lockfile that grew after the look at its size was read whole.
test('no more is read than the limit, whatever size the file says it has', () => {
  // /proc says 0 for what is longer.
  assert.equal(readInside('/proc/self', 'maps', 10), undefined)
  const whole = readInside('/proc/self', 'limits', 1_000_000) ?? ''
  assert.match(whole, /Max open files/)
  assert.equal(readInside('/proc/self', 'limits', whole.length), whole)
  assert.equal(readInside('/proc/self', 'limits', whole.length - 1), undefined)
})

test('what a step left is taken away, and nothing behind a link', (t) => {
  const root = temporaryFolder(t)
  const outside = temporaryFolder(t)
  writeFileSync(join(outside, 'commondir'), 'of the machine')
  symlinkSync(outside, join(root, '.git'))
  removeInside(root, '.git', 'commondir')
  assert.equal(readFileSync(join(outside, 'commondir'), 'utf8'), 'of the machine')
  mkdirSync(join(root, 'g'))
  for (const make of [
    () => writeFileSync(join(root, 'g/commondir'), 'x'),
    () => symlinkSync(join(outside, 'commondir'), join(root, 'g/commondir')),
    () => mkdirSync(join(root, 'g/commondir/full'), { recursive: true }),
    () => {
      writeFileSync(join(root, 'g/commondir'), 'x')
      chmodSync(join(root, 'g'), 0o500)
    },
  ]) {
    make()
    assert.equal(existsInside(root, 'g/commondir'), true)
    removeInside(root, 'g', 'commondir')
    assert.equal(existsInside(root, 'g/commondir'), false)
  }
  removeInside(root, 'g', 'commondir')
  removeInside(root, 'none', 'commondir')
  assert.equal(readdirSync(join(root, 'g')).length, 1)
  assert.ok(existsSync(join(outside, 'commondir')))
})
