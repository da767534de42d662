import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyFolder } from '../verify/node.ts'
import { type FileSystem, systemFs } from '../disk/index.ts'
import { entriesOf, openLog, postEntries, temporaryFolder } from './log.fixture.ts'

/** A file system that fails once, at the call after `countdown` others, from when it is armed. */
function failingOnce(countdown: number): { fs: FileSystem; arm: () => void; hasFailed: () => boolean } {
  let left = Number.POSITIVE_INFINITY
  let failed = false
  const fs: Record<string, unknown> = {}
  for (const [name, real] of Object.entries(systemFs)) {
    if (typeof real !== 'function') continue
    fs[name] = async (...args: unknown[]) => {
      // The lock's own file is removed last; one that stays is known to be stale once its process is gone.
      const isLock = /lock-\d/.test(String(args[0]))
      if (isLock || left-- > 0) return await (real as (...args: unknown[]) => Promise<unknown>)(...args)
      left = Number.POSITIVE_INFINITY
      failed = true
      throw Object.assign(new Error('EIO: injected'), { code: 'EIO' })
    }
  }
  const arm = () => (left = countdown)
  return { fs: fs as unknown as FileSystem, arm, hasFailed: () => failed }
}

test('a commit that fails at any of its calls to the file system is completed by a restart', async (t) => {
  let countdown = 0
  for (let reached = true; reached; countdown++) {
    const folder = await temporaryFolder(t)
    const disk = failingOnce(countdown)
    const log = await openLog(t, folder, { fs: disk.fs })
    const { body } = await postEntries(log.url, entriesOf(0, 300))
    disk.arm()
    await log.close()
    reached = disk.hasFailed()
    const again = await openLog(t, folder)
    assert.deepEqual((await postEntries(again.url, entriesOf(0, 300))).body, body)
    await again.close()
    const verdict = await verifyFolder(folder, again.verifierKey, { receipts: body.receipts })
    assert.ok(verdict.ok, `call ${countdown}: ${JSON.stringify(verdict)}`)
    assert.equal(verdict.size, 300)
  }
  assert.ok(countdown > 30)
})
