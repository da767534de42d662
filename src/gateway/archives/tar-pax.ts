import { wrong } from './wrong.ts'

/** What readers skip. A size, a link or a sparse map of its own would make of the next entry another one for some of them. */
const skippedTexts = /^(?:[ug]name|comment)$/
const skippedNumbers = /^(?:[amc]time|[ug]id|SCHILY\.(?:dev|ino|nlink)|LIBARCHIVE\.creationtime)$/

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
    const value = record.toString('utf8', equals + 1, record.length - 1)
    // npm and Cargo read line by line, whatever length a record says it has: a second line could be a path.
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u001f\u007f]/.test(value)) throw wrong('a pax header in it has several lines')
    const isSkipped =
      skippedTexts.test(key) || (skippedNumbers.test(key) && /^-?\d{1,20}(?:\.\d{1,20})?$/.test(value))
    if (key === 'path' && path === undefined) path = value
    else if (!isSkipped)
      throw wrong(`its pax header ${JSON.stringify(key.slice(0, 50))} is not read alike by all`)
    at += length
  }
  return path
}
