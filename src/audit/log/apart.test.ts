import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FatalError } from '../../lib/index.ts'
import { openLog, temporaryFolder } from './log.fixture.ts'

test('the log does not start where its folder and the server’s are one in the other', async (t) => {
  const root = await temporaryFolder(t)
  const server = join(root, 'server')
  await mkdir(join(server, 'deep'), { recursive: true })
  await symlink(join(server, 'deep'), join(root, 'innocent'))
  const shared = (error: unknown) => {
    assert.ok(error instanceof FatalError && error.code === 'data_folder')
    assert.match(error.message, /must not be one in the other/)
    return true
  }
  const folders = [
    server,
    join(server, 'audit'),
    join(server, '..audit'),
    join(server, 'deep', 'er', 'audit'),
    join(root, 'innocent', 'audit'),
    root,
  ]
  for (const folder of folders)
    await assert.rejects(openLog(t, folder, { notInside: [server] }), shared, folder)
  // Started by hand, without being told: the server's folder is known by its database.
  await writeFile(join(server, 'mayfly.db'), '')
  for (const folder of folders.slice(0, 5)) await assert.rejects(openLog(t, folder), shared, folder)
  const beside = await openLog(t, join(root, 'audit'), { notInside: [server] })
  await beside.close()
  await (await openLog(t, join(root, 'server-audit'), { notInside: [server] })).close()
})
