import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBench, temporaryFolder } from '../sandbox/sandbox.fixture.ts'
import { isClosedToOthers } from './closed.ts'
import { refuseUnwritable } from './writable.ts'

test('a workspace that the step could not write to is refused, with the command that mends it', (t) => {
  const folder = temporaryFolder(t)
  const { uid, gid } = userInfo()
  refuseUnwritable(folder)
  // As another user would meet it.
  const other = { uid: uid + 1, gid: gid + 1 }
  const refused = (who: { uid: number; gid: number }) => {
    try {
      refuseUnwritable(folder, who)
    } catch (error) {
      return error instanceof Error ? error.message : ''
    }
    return undefined
  }
  assert.match(
    refused(other) ?? '',
    new RegExp(
      `belongs to user ${uid}, .*: sudo chown -R ${other.uid}:${other.gid} ${folder}, or run mayfly as user ${uid}$`,
    ),
  )
  chmodSync(folder, 0o770)
  assert.equal(refused({ uid: other.uid, gid }), undefined)
  chmodSync(folder, 0o500)
  assert.match(refused({ uid, gid }) ?? '', new RegExp(`: chmod u\\+rwx ${folder}$`))
  chmodSync(folder, 0o700)
})

test('root’s step cannot write to another user’s workspace, though root can', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can give a folder away')
  const folder = temporaryFolder(t)
  chownSync(folder, 1000, 1000)
  assert.throws(() => refuseUnwritable(folder), /: chown -R 0:0 .*, or run mayfly as user 1000$/)
})

test('a folder is closed to others by a folder above it, not by itself', (t) => {
  const top = temporaryFolder(t)
  const inside = join(top, 'a/b')
  mkdirSync(inside, { recursive: true })
  chmodSync(inside, 0o700)
  for (const [mode, closed] of [
    [0o700, true],
    [0o600, true],
    [0o710, false],
    [0o701, false],
    [0o755, false],
  ] as const) {
    chmodSync(top, mode | 0o700)
    assert.equal(isClosedToOthers(inside), closed, mode.toString(8))
    assert.equal(isClosedToOthers(top), false)
  }
})

test('set-group-id folders can be made where nobody else reaches them, by an ordinary user', async (t) => {
  if (process.getuid?.() === 0) return t.skip('root’s own step gets no set-id bits')
  const top = temporaryFolder(t)
  const workspace = join(top, 'workspace')
  mkdirSync(workspace)
  const bench = await openBench(t, workspace)
  if (bench === undefined) return
  const share =
    'mkdir -p shared && chmod 2775 shared && stat -c %a shared; touch x; chmod 4755 x 2>/dev/null && echo setuid; rmdir shared; true'
  assert.equal((await bench.sh(share)).stdout, '2775\n')
  chmodSync(top, 0o755)
  assert.equal((await bench.sh(share)).stdout, '')
})
