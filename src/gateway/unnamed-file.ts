import { randomUUID } from 'node:crypto'
import { open, unlink, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * A file of this process alone, to put aside what is looked into first. It has no name any more, so it is gone with whoever holds it,
 * however that ends.
 */
export async function openUnnamed(): Promise<FileHandle> {
  const path = join(tmpdir(), `mayfly-aside-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  return file
}
