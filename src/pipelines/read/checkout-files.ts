import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  realpathSync,
} from 'node:fs'
import { join, posix, sep } from 'node:path'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { bounds } from './bounds.ts'

/** Files of a checkout that may be anybody's: links may lead out of it, and a file may be a device. */
export interface CheckoutFiles {
  /** Paths of the files in a folder, and in those below it to that depth; none if it is not there. */
  list(folder: string, depth: number): string[]
  /** The text of a file; undefined if there is none. */
  read(path: string): FileText | undefined
}

export type FileText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string }

/**
 * What of it could not be listed is said to `unread`. Throws `bad_input` if the folder is not there, or is none.
 */
export function openCheckout(
  folder: string,
  unread: (path: string, why: string) => void = () => {},
): CheckoutFiles {
  const root = rootOf(folder)
  let looked = 0
  const list = (under: string, depth: number): string[] => {
    const real = realIn(root, under)
    if (real === undefined || looked > bounds.folderEntries) {
      const why = real === undefined ? whyNot(root, under) : tooMany
      if (why !== undefined) unread(under, why)
      return []
    }
    return entriesOf(real, (why) => unread(under, why)).flatMap((entry) => {
      if (++looked > bounds.folderEntries) {
        unread(under, tooMany)
        return []
      }
      const path = posix.join(under, entry.name)
      // A folder that is called as a pipeline is none, which is said when it is read.
      if (!entry.isDirectory() || isYaml.test(entry.name)) return [path]
      return depth > 0 && entry.name !== '.git' && entry.name !== 'node_modules' ? list(path, depth - 1) : []
    })
  }
  return {
    list: (under, depth) => list(under, depth).toSorted(),
    read(path) {
      try {
        const real = realpathSync(join(root, path))
        if (!isWithin(root, real)) return { ok: false, why: leadsOut }
        return textOf(real)
      } catch (error) {
        if (
          error instanceof Error &&
          'code' in error &&
          (error.code === 'ENOENT' || error.code === 'ENOTDIR')
        ) {
          const why = whyNot(root, path)
          return why === undefined ? undefined : { ok: false, why }
        }
        return { ok: false, why: messageOf(error) }
      }
    },
  }
}

function rootOf(folder: string): string {
  try {
    const root = realpathSync(folder)
    readdirSync(root)
    return root
  } catch (cause) {
    throw new MayflyError('bad_input', `${folder} is no folder that can be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}

function realIn(root: string, under: string): string | undefined {
  try {
    const real = realpathSync(join(root, under))
    return isWithin(root, real) ? real : undefined
  } catch {
    return undefined
  }
}

const leadsOut = 'it is a link that leads out of the checkout'
const tooMany = `more than ${bounds.folderEntries} files and folders were listed before`
const isYaml = /\.ya?ml$/

/** Why what is there is not read: the first link on the way to it that leads nowhere, or out. Undefined if nothing is there. */
function whyNot(root: string, path: string): string | undefined {
  let at = root
  for (const part of path.split('/')) {
    at = join(at, part)
    try {
      if (lstatSync(at, { throwIfNoEntry: false }) === undefined) return undefined
      if (!isWithin(root, realpathSync(at))) return leadsOut
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'ENOTDIR') return undefined
      return code === 'ENOENT' ? 'it is a link that leads nowhere' : messageOf(error)
    }
  }
  return undefined
}

function isWithin(root: string, real: string): boolean {
  return real === root || real.startsWith(root.endsWith(sep) ? root : root + sep)
}

function entriesOf(folder: string, unread: (why: string) => void) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    // A file of that name is no place for pipelines.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOTDIR')) unread(messageOf(error))
    return []
  }
}

function textOf(real: string): FileText {
  // To open a pipe would wait for who writes to it, for ever.
  const handle = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!fstatSync(handle).isFile()) return { ok: false, why: 'it is no regular file' }
    const bytes = Buffer.alloc(bounds.fileBytes + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(handle, bytes, length, bytes.length - length, null)
    if (length > bounds.fileBytes) return { ok: false, why: `it has more than ${bounds.fileBytes} bytes` }
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    return { ok: true, text: decoder.decode(bytes.subarray(0, length)) }
  } catch (error) {
    if (error instanceof TypeError) return { ok: false, why: 'it is not UTF-8' }
    throw error
  } finally {
    closeSync(handle)
  }
}
