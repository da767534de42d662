import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

/**
 * Tells the workspaces of one run apart, for the server: the same folder of the same machine has the same id, and the id says
 * nothing about either. 64 hex digits.
 */
export function workspaceId(run: string, path: string): string {
  const { dev, ino } = statSync(path, { bigint: true })
  const hash = createHash('sha256')
  for (const part of ['mayfly workspace', run, ...machine(), String(dev), String(ino)])
    hash.update(`${part}\0`)
  return hash.digest('hex')
}

/** Containers of one image may have one machine-id, and those of one machine share the boot's. */
function machine(): string[] {
  return ['/etc/machine-id', '/proc/sys/kernel/random/boot_id'].map((file) => {
    try {
      return readFileSync(file, 'latin1').trim()
    } catch {
      return ''
    }
  })
}
