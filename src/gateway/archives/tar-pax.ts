import { wrong } from './tar-header.ts'

/** What readers skip. A size, a link or a sparse map of its own would make of the next entry another one for some of them. */
const skipped = /^(?:[amc]time|[ug]id|[ug]name|comment|SCHILY\.(?:dev|ino|nlink)|LIBARCHIVE\.creationtime)$/

/** The path that a pax header gives to the next entry; undefined if it gives none. Throws `bad_input`. */
export function paxPath(content: Buffer): string | undefined {
  let path: string | undefined
  for (let at = 0; at < content.length;) {
    const head = /^([1-9]\d{0,5}) /.exec(content.toString('latin1', at, at + 8))
    const length = Number(head?.[1] ?? 0)
    const record = content.subarray(at + (head?.[0].length ?? 0), at + length)
    const equals = record.indexOf('=')
    if (head === null || record.at(-1) !== 0x0a || equals === -1 || at + length > content.length)
      throw wrong('a pax header in it is none')
    const key = record.toString('utf8', 0, equals)
    if (key === 'path' && path === undefined) path = record.toString('utf8', equals + 1, record.length - 1)
    else if (!skipped.test(key))
      throw wrong(`its pax header ${JSON.stringify(key.slice(0, 50))} is not read alike by all`)
    at += length
  }
  return path
}
