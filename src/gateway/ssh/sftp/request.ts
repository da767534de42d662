import { Reader } from '../../../ssh-keys/index.ts'
import type { Packet } from './packets.ts'

/** What a request does, as far as a grant has a say. Names of types: draft-ietf-secsh-filexfer-02, section 3. */
export interface FileRequest {
  readonly id: number
  /** Paths with what is done to each; none for what is on a handle, which was judged when it was opened. */
  readonly paths: readonly PathUse[]
  /** Changes what it is about by a handle: only by one that was opened for writing. */
  readonly changesHandle?: Buffer
  /** Its answer is a handle; may that change anything? */
  readonly opens?: 'read' | 'write'
  /** As people call it. */
  readonly verb: string
}

export interface PathUse {
  readonly path: Buffer
  readonly use: 'read' | 'write'
  /** It may be a folder: a grant for all below it is enough to look at it. */
  readonly isFolder?: true
}

const writing = 0x02 | 0x04 | 0x08 | 0x10

/** Undefined for what no client needs, and nobody has judged. Throws `bad_input` for one that ends too early. */
export function requestIn({ type, body }: Packet): FileRequest | undefined {
  const reader = new Reader(body)
  const id = reader.u32()
  const read = (verb: string, isFolder?: true): FileRequest => ({
    ...{ id, verb },
    paths: [{ path: reader.text(), use: 'read', ...(isFolder === undefined ? {} : { isFolder }) }],
  })
  const write = (verb: string, isFolder?: true): FileRequest => ({
    ...{ id, verb },
    paths: [{ path: reader.text(), use: 'write', ...(isFolder === undefined ? {} : { isFolder }) }],
  })
  const both = (verb: string): FileRequest => ({
    ...{ id, verb },
    paths: [
      { path: reader.text(), use: 'write' },
      { path: reader.text(), use: 'write' },
    ],
  })
  const free = (verb: string): FileRequest => ({ id, verb, paths: [] })
  switch (type) {
    case 3: {
      const path = reader.text()
      const use = (reader.u32() & writing) === 0 ? 'read' : 'write'
      return { id, verb: 'open', opens: use, paths: [{ path, use }] }
    }
    case 4:
      return free('close')
    case 5:
      return free('read')
    case 6:
      return free('write')
    case 7:
      return read('lstat', true)
    case 8:
      return free('fstat')
    case 9:
      return write('setstat', true)
    case 10:
      return { ...free('fsetstat'), changesHandle: reader.text() }
    case 11:
      return { ...read('opendir', true), opens: 'read' }
    case 12:
      return free('readdir')
    case 13:
      return write('remove')
    case 14:
      return write('mkdir', true)
    case 15:
      return write('rmdir', true)
    // Where a path is: what is there no answer tells.
    case 16:
      return free('realpath')
    case 17:
      return read('stat', true)
    case 18:
      return both('rename')
    case 19:
      return read('readlink')
    // A link inside what is granted could lead out of it.
    case 20:
      return undefined
    case 200:
      return extended(reader, { read, write, both, free })
    default:
      return undefined
  }
}

interface Makers {
  readonly read: (verb: string, isFolder?: true) => FileRequest
  readonly write: (verb: string, isFolder?: true) => FileRequest
  readonly both: (verb: string) => FileRequest
  readonly free: (verb: string) => FileRequest
}

/** OpenSSH's own (its PROTOCOL, section 4). */
function extended(reader: Reader, { read, write, both, free }: Makers): FileRequest | undefined {
  const name = reader.text().toString('latin1')
  switch (name) {
    case 'posix-rename@openssh.com':
      return both('rename')
    case 'statvfs@openssh.com':
      return read('statvfs', true)
    case 'lsetstat@openssh.com':
      return write('lsetstat', true)
    case 'fsync@openssh.com':
    case 'fstatvfs@openssh.com':
    case 'limits@openssh.com':
    case 'expand-path@openssh.com':
    case 'home-directory':
    case 'users-groups-by-id@openssh.com':
    case 'copy-data':
      return free(name)
    default:
      return undefined
  }
}
