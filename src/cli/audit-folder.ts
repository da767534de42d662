import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readEnvironment } from '../config/environment.ts'
import { MayflyError } from '../lib/index.ts'

export const defaultDataFolder = 'mayfly-data'

export function dataFolderOf(option: string | undefined): string {
  return option ?? readEnvironment().dataFolder ?? defaultDataFolder
}

/** The audit log's folder and its public key. The key that was pinned at the first start is preferred to the log's own. */
export function auditFolderOf(options: { folder?: string; data?: string; key?: string }): {
  folder: string
  key: string
  keyFrom: string
} {
  const data = dataFolderOf(options.data)
  const folder = options.folder ?? join(data, 'audit')
  if (!existsSync(folder))
    throw new MayflyError('bad_input', `there is no audit log at ${folder}: give --folder or --data`)
  if (options.key !== undefined && !existsSync(options.key))
    return { folder, key: options.key, keyFrom: '--key' }
  const pinned = join(data, 'keys', 'audit.vkey')
  const keyFile =
    options.key ?? (options.folder === undefined && existsSync(pinned) ? pinned : join(folder, 'key.vkey'))
  return { folder, key: readFileSync(keyFile, 'utf8').trim(), keyFrom: keyFile }
}
