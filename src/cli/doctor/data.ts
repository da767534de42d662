import { chmodSync, existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Check, Finding } from './check.ts'

/** On the server's machine: is the data folder its owner's alone, and the keys with it? */
export const checkData: Check = async ({ dataFolder }) => {
  const name = 'data folder'
  if (dataFolder === undefined || lstatSync(dataFolder, { throwIfNoEntry: false }) === undefined)
    return { name, state: 'skip', says: 'no server has kept data on this machine' }
  const { uid } = lstatSync(dataFolder)
  const own = process.getuid?.() ?? uid
  if (uid !== own)
    return {
      name,
      state: 'fail',
      says: `${dataFolder} belongs to user ${uid}, this is user ${own}`,
      mend: 'run as its owner',
    }
  const open = openToOthers(dataFolder)
  if (open.length > 0)
    return {
      name,
      state: 'fail',
      says: `open to others: ${open.map(([path, mode]) => `${path} (${(mode & 0o777).toString(8)})`).join(', ')}`,
      mend: `${open.map(([path, , right]) => `chmod ${right.toString(8)} ${path}`).join(' && ')}, or mayfly doctor --fix`,
      fix: () => {
        for (const [path, , right] of open) chmodSync(path, right)
      },
    }
  return [{ name, state: 'ok', says: `${dataFolder}, its owner’s alone` }, ...missingKeys(dataFolder)]
}

type Open = readonly [path: string, mode: number, right: number]

/** Links are not followed: what they name is not ours to change. */
function openToOthers(root: string): Open[] {
  const folders = [root, join(root, 'server'), join(root, 'keys')].filter((path) => existsSync(path))
  const keys = join(root, 'keys')
  const files = existsSync(keys) ? readdirSync(keys).map((file) => join(keys, file)) : []
  return [...folders, ...files].flatMap((path) => {
    const stat = lstatSync(path)
    if (stat.isSymbolicLink() || (stat.mode & 0o077) === 0) return []
    return [[path, stat.mode, stat.isDirectory() ? 0o700 : 0o600] as const]
  })
}

function missingKeys(root: string): Finding[] {
  const database = join(root, 'server', 'mayfly.db')
  if (!existsSync(database)) return []
  return [...(needsKeyFile(database) ? ['vault.key'] : []), 'audit.vkey']
    .filter((file) => !existsSync(join(root, 'keys', file)))
    .map((file) => ({
      name: 'keys',
      state: 'fail' as const,
      says: `${join(root, 'keys', file)} is missing, and the store needs it`,
      mend: 'restore it from the backup: nothing else opens what is there',
    }))
}

/** Not where another key provider keeps the vault's root: the store says which one does. */
function needsKeyFile(file: string): boolean {
  try {
    const database = new DatabaseSync(file, { readOnly: true })
    const row = database.prepare("select value from meta where key = 'vault_root'").get()
    // A store that was made before it named a provider has sealed something; one that was never opened needs no key yet.
    const old = database.prepare("select value from meta where key = 'vault check'").get()
    database.close()
    if (row === undefined) return old !== undefined
    return (JSON.parse(String(row['value'])) as { provider?: unknown }).provider === 'key-file'
  } catch {
    return true
  }
}
