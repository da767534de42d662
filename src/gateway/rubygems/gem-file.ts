import { messageOf } from '../../lib/index.ts'
import { releaseIn, unzipOne } from './gem-metadata.ts'
import type { Release } from './route.ts'

const blockBytes = 512
/** What `gem build` puts into one (rubygems, lib/rubygems/package.rb); signatures beside them. */
const members = /^(?:metadata\.gz|data\.tar\.gz|checksums\.yaml\.gz)(?:\.sig)?$/

/**
 * Which gem a file is, by its own metadata; why that cannot be said. A .gem is a tar of three members, and readers of tar differ in
 * what is odd: each member stands there once, as a plain file, by its plain name, or the file is refused.
 */
export function readGem(bytes: Buffer): Release | string {
  const files = membersOf(bytes)
  if (typeof files === 'string') return files
  const packed = files.get('metadata.gz')
  if (packed === undefined) return 'it has no metadata.gz'
  try {
    const text = unzipOne(packed)?.toString('utf8')
    return text === undefined ? 'its metadata.gz is not one gzip file as Ruby writes it' : releaseIn(text)
  } catch (error) {
    return `its metadata.gz cannot be unpacked: ${messageOf(error)}`
  }
}

function membersOf(bytes: Buffer): Map<string, Buffer> | string {
  const files = new Map<string, Buffer>()
  let at = 0
  while (at + blockBytes <= bytes.length) {
    const head = bytes.subarray(at, at + blockBytes)
    if (head.every((byte) => byte === 0)) {
      return bytes.subarray(at).every((byte) => byte === 0) ? files : 'something stands behind its end'
    }
    const name = head.toString('latin1', 0, 100).replace(/\0+$/, '')
    const size = /^[0-7]{1,11}[ \0]/.exec(head.toString('latin1', 124, 136))
    if (!members.test(name) || size === null || files.has(name))
      return `it has a member that gem build does not write, or one twice (${JSON.stringify(name.slice(0, 40))})`
    // A plain file, without a folder in front (ustar's prefix).
    if ((head[156] !== 0x30 && head[156] !== 0) || head.subarray(345, 500).some((byte) => byte !== 0))
      return `its ${name} is no plain file`
    if (!hasSum(head)) return `the head of its ${name} is broken`
    const length = Number.parseInt(size[0], 8)
    const from = at + blockBytes
    if (from + length > bytes.length) return `its ${name} breaks off`
    files.set(name, bytes.subarray(from, from + length))
    at = from + Math.ceil(length / blockBytes) * blockBytes
  }
  return 'it breaks off'
}

/** The sum of a head's bytes, its own field taken for spaces (POSIX.1, pax, "ustar Interchange Format"). */
function hasSum(head: Buffer): boolean {
  const written = Number.parseInt(head.toString('latin1', 148, 156), 8)
  const sum = head.reduce((all, byte, i) => all + (i >= 148 && i < 156 ? 0x20 : byte), 0)
  return written === sum
}
