import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { messageOf } from '../../lib/index.ts'
import { maxMembers, maxUnpackedBytes, tarMembers, Unreadable, type Member } from './tar.ts'

export type Members =
  | { readonly ok: true; readonly format: string; readonly members: readonly Member[] }
  | { readonly ok: false; readonly why: string }

/** The members of an archive, by what its first bytes say: tar, tar.gz, gz, zip. What is in there is hashed and never written. */
export async function membersOf(path: string): Promise<Members> {
  try {
    const start = firstBytes(path)
    if (start.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]))) return await ofGzip(path)
    if (start.subarray(0, 2).toString() === 'PK')
      return { ok: true, format: 'zip', members: await zipMembers(path) }
    if (isTar(start))
      return { ok: true, format: 'tar', members: await all(tarMembers(createReadStream(path))) }
    return { ok: false, why: 'it is no archive that is looked into (tar, gzip, zip)' }
  } catch (error) {
    return { ok: false, why: `it cannot be looked into: ${messageOf(error)}` }
  }
}

export interface MemberDifference {
  readonly path: string
  /** `content`, `order`, `only in A`, or what of its header. */
  readonly what: readonly string[]
}

/** What differs between two archives, member by member; two members of one path are told apart by their order. */
export function differencesOf(a: readonly Member[], b: readonly Member[]): MemberDifference[] {
  const [inA, inB] = [byPath(a), byPath(b)]
  const paths = [...new Set([...inA.keys(), ...inB.keys()])]
  const differences = paths.flatMap((path) => {
    const [one, other] = [inA.get(path), inB.get(path)]
    if (one === undefined || other === undefined)
      return [{ path, what: [one === undefined ? 'only in B' : 'only in A'] }]
    const about = Object.keys(one.about).filter((name) => one.about[name] !== other.about[name])
    const what = [...(one.sha256 === other.sha256 ? [] : ['content']), ...about]
    return what.length === 0 ? [] : [{ path, what }]
  })
  if (differences.length > 0) return differences
  const moved = a.findIndex(({ path }, i) => path !== b[i]?.path)
  return moved === -1 ? [] : [{ path: a[moved]?.path ?? '', what: ['order'] }]
}

function byPath(members: readonly Member[]): Map<string, Member> {
  const all = new Map<string, Member>()
  for (const member of members) {
    let path = member.path
    for (let n = 2; all.has(path); n++) path = `${member.path} (${n})`
    all.set(path, member)
  }
  return all
}

function firstBytes(path: string): Buffer {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(512)
    return bytes.subarray(0, readSync(fd, bytes))
  } finally {
    closeSync(fd)
  }
}

function isTar(start: Buffer): boolean {
  return start.length === 512 && start.subarray(257, 262).toString() === 'ustar'
}

async function ofGzip(path: string): Promise<Members> {
  const unpacked = () => {
    const source = createReadStream(path)
    const gunzip = createGunzip()
    source.on('error', (error) => gunzip.destroy(error))
    return source.pipe(gunzip) as AsyncIterable<Buffer>
  }
  let first: Buffer = Buffer.alloc(0)
  for await (const chunk of unpacked()) {
    first = Buffer.concat([first, chunk])
    if (first.length >= 512) break
  }
  if (isTar(first.subarray(0, 512)))
    return { ok: true, format: 'tar.gz', members: await all(tarMembers(unpacked())) }
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of unpacked()) {
    bytes += chunk.length
    if (bytes > maxUnpackedBytes) throw new Unreadable(`more than ${maxUnpackedBytes} bytes`)
    hash.update(chunk)
  }
  const member = { path: '(content)', bytes, sha256: hash.digest('hex'), about: {} }
  return { ok: true, format: 'gzip', members: [member] }
}

async function zipMembers(path: string): Promise<Member[]> {
  const { openPromise } = await import('yauzl')
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false })
  // An error that nobody listens to would end the process.
  zip.on('error', () => undefined)
  try {
    if (zip.entryCount > maxMembers) throw new Unreadable(`more than ${maxMembers} members`)
    const members: Member[] = []
    let left = maxUnpackedBytes
    for await (const entry of zip.eachEntry()) {
      left -= entry.uncompressedSize
      if (left < 0) throw new Unreadable(`more than ${maxUnpackedBytes} bytes`)
      const hash = createHash('sha256')
      for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>)
        hash.update(chunk)
      const about = {
        mode: (entry.externalFileAttributes >>> 16).toString(8),
        time: `${entry.lastModFileDate}:${entry.lastModFileTime}`,
        method: String(entry.compressionMethod),
      }
      members.push({ path: entry.fileName, bytes: entry.uncompressedSize, sha256: hash.digest('hex'), about })
    }
    return members
  } finally {
    zip.close()
  }
}

async function all(members: AsyncGenerator<Member>): Promise<Member[]> {
  const found: Member[] = []
  for await (const member of members) found.push(member)
  return found
}
