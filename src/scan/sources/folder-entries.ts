import { readdirSync, type Dirent } from 'node:fs'
import { join } from 'node:path'

/** A path below a folder: as people read it, and as the system takes it if that is no UTF-8. */
export interface Below {
  readonly name: string
  /** Its bytes, one to each character (latin1). */
  readonly raw?: string
}

export interface Entry extends Below {
  readonly kind: 'file' | 'folder' | 'link' | 'other'
  /** In its folder. */
  readonly base: string
}

/** What stands for bytes that are no UTF-8. */
const replaced = '\ufffd'

/** What is in a folder, which ends with a slash or is empty. Throws what the system says. */
export function entriesOf(root: string, { name: below, raw }: Below): Entry[] {
  if (raw === undefined) {
    const entries = readdirSync(join(root, below), { withFileTypes: true })
    if (!entries.some(({ name }) => name.includes(replaced)))
      return entries.map((entry) => ({
        name: `${below}${entry.name}`,
        base: entry.name,
        kind: kindOf(entry),
      }))
  }
  const rawBelow = raw ?? rawOf(below)
  const folder = systemPath(root, { name: below, raw: rawBelow })
  return readdirSync(folder, { withFileTypes: true, encoding: 'buffer' }).map((entry) => {
    const base = entry.name.toString('utf8')
    const isPlain = raw === undefined && Buffer.from(base).equals(entry.name)
    const path = `${rawBelow}${entry.name.toString('latin1')}`
    return { name: `${below}${base}`, base, kind: kindOf(entry), ...(isPlain ? {} : { raw: path }) }
  })
}

function kindOf(entry: Dirent | Dirent<Buffer>): Entry['kind'] {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'folder'
  return entry.isSymbolicLink() ? 'link' : 'other'
}

const rawOf = (text: string) => Buffer.from(text).toString('latin1')

/** As the system takes it. */
export function systemPath(root: string, { name, raw }: Below): string | Buffer {
  const path = join(root, name)
  return raw === undefined ? path : Buffer.from(rawPath(root, raw), 'latin1')
}

/** Its bytes, one to each character. */
export function rawPath(root: string, raw: string): string {
  return `${rawOf(root.endsWith('/') ? root : `${root}/`)}${raw}`
}

/** Whether the folder is a Git repository itself: a bare one, or a folder that is called `.git` elsewhere. */
export function isRepository(entries: readonly Entry[]): boolean {
  const kinds = new Map(entries.map(({ base, kind }) => [base, kind]))
  return kinds.get('HEAD') === 'file' && kinds.get('objects') === 'folder' && kinds.get('refs') === 'folder'
}
