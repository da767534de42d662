import { Reader } from '../../../ssh-keys/index.ts'
import type { Packet } from './packets.ts'

/** What a request does, as far as a grant has a say. Names of types: draft-ietf-secsh-filexfer-02, section 3. */
export interface FileRequest {
  readonly id: number
  /** Paths with what is done to each; none for what is on a handle, which was judged when it was opened. */
  readonly paths: readonly PathUse[]
  /** Which it is about, beside paths. */
  readonly handles?: readonly Buffer[]
  /** Changes what a handle is of, and not what is in it: only by one that was opened for writing. */
  readonly changesHandle?: true
  readonly closes?: true
  /** Asks where a path is. */
  readonly asksWhere?: Buffer
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
export function requestIn({ type, body }: Pick<Packet, 'type' | 'body'>): FileRequest | undefined {
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
  const onHandle = (verb: string): FileRequest => ({ id, verb, paths: [], handles: [reader.text()] })
  const where = (verb: string): FileRequest => ({ id, verb, paths: [], asksWhere: reader.text() })
  switch (type) {
    case 3: {
      const path = reader.text()
      const use = (reader.u32() & writing) === 0 ? 'read' : 'write'
      return { id, verb: 'open', opens: use, paths: [{ path, use }] }
    }
    case 4:
      return { ...onHandle('close'), closes: true }
    case 5:
      return onHandle('read')
    case 6:
      return onHandle('write')
    case 7:
      return read('lstat', true)
    case 8:
      return onHandle('fstat')
    case 9:
      return write('setstat', true)
    case 10:
      return { ...onHandle('fsetstat'), changesHandle: true }
    case 11:
      return { ...read('opendir', true), opens: 'read' }
    case 12:
      return onHandle('readdir')
    case 13:
      return write('remove')
    case 14:
      return write('mkdir', true)
    case 15:
      return write('rmdir', true)
    case 16:
      return where('realpath')
    case 17:
      return read('stat', true)
    case 18:
      return both('rename')
    case 19:
      return read('readlink')
    case 200:
      return extended(reader, { read, write, both, free, onHandle, where })
    default:
      return undefined
  }
}

interface Makers {
  readonly read: (verb: string, isFolder?: true) => FileRequest
  readonly write: (verb: string, isFolder?: true) => FileRequest
  readonly both: (verb: string) => FileRequest
  readonly free: (verb: string) => FileRequest
  readonly onHandle: (verb: string) => FileRequest
  readonly where: (verb: string) => FileRequest
}

/** OpenSSH's own (its PROTOCOL, section 4). */
function extended(
  reader: Reader,
  { read, write, both, free, onHandle, where }: Makers,
): FileRequest | undefined {
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
      return onHandle(name)
    case 'expand-path@openssh.com':
      return where(name)
    case 'limits@openssh.com':
    case 'home-directory':
    case 'users-groups-by-id@openssh.com':
      return free(name)
    case 'copy-data':
      return { ...free(name), handles: copied(reader) }
    default:
      return undefined
  }
}

/** From which handle to which (PROTOCOL of OpenSSH, section 4.10). */
function copied(reader: Reader): Buffer[] {
  const from = reader.text()
  // Where from, and how much: two numbers of 64 bits.
  for (let words = 0; words < 4; words++) reader.u32()
  return [from, reader.text()]
}

/** Why a request is not passed that is none of those. */
export function whyNot({ type, body }: Pick<Packet, 'type' | 'body'>): string {
  const name = type === 200 ? extensionIn(body) : ''
  if (type === 20 || name === 'hardlink@openssh.com')
    return 'links are not made: one inside what is granted could lead out of it'
  return name === '' ? `a request of type ${type} is not passed` : `the extension ${name} is not passed`
}

function extensionIn(body: Buffer): string {
  try {
    const reader = new Reader(body)
    reader.u32()
    const name = reader.text().toString('latin1')
    return /^[a-z0-9@.-]{1,64}$/i.test(name) ? name : ''
  } catch {
    return ''
  }
}
