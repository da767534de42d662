import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'
import { named, type Called } from './called.ts'
import { readType } from './content-type.ts'
import { besides } from './s3.ts'
import type { Target } from './target.ts'

interface Asked {
  readonly target: Target
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The bucket in front of the host's name. */
  readonly bucket: string | undefined
}

/** As many keys as one request has, and as many bytes as a key (S3 API Reference, "DeleteObjects"). */
const maxKeys = 1_000
const maxKeyBytes = 1_024

/** Which objects `POST ?delete` removes, with what its headers ask for of each; or why that cannot be told. */
export function readDeletes({ target, headers, body, bucket: ofHost }: Asked): readonly Called[] | string {
  const bucket = ofHost ?? target.parts[0] ?? ''
  if (target.parts.length !== (ofHost === undefined ? 1 : 0))
    return 'a list of keys to delete is for a bucket'
  // Beside another subresource the store decides which of the two is meant.
  const others = target.query.filter(([name, value]) => name !== 'x-id' && !(name === 'delete' && !value))
  if (others.length > 0 || target.query.length > 2) return 'its query has more than `delete`'
  const list = readType(headers) === 'unknown' ? more : readList(body)
  if (typeof list === 'string') return list
  return list.flatMap(({ key, isVersion }) => {
    const resource = named(`${bucket}/${key}`)
    const action = isVersion ? 'DeleteObjectVersion' : 'DeleteObject'
    return [
      { service: 's3', action, resource, read: false },
      ...besides({ resource, headers, method: 'POST' }, false),
    ]
  })
}

interface Listed {
  readonly key: string
  readonly isVersion: boolean
}

const more = 'its list of keys is more than a plain one'
const start =
  /^(?:<\?xml version=["']1\.0["'](?: encoding=["']utf-8["'])?(?: standalone=["'](?:yes|no)["'])? ?\?>[ \t\r\n]*)?<Delete(?: xmlns=["']http:\/\/s3\.amazonaws\.com\/doc\/2006-03-01\/["'])?>/i
/** What may stand next, each by its first characters, so that nothing is looked at twice. */
const next =
  /[ \t\r\n]*(?:<(?<open>Object)>|<(?<leaf>Key|VersionId|ETag|LastModifiedTime|Size|Quiet)>(?<text>[^<]*)<\/\k<leaf>>|<\/(?<close>Object|Delete)>)/y

/**
 * The keys of a list, as SDKs write it, in UTF-8: no other encoding, declaration, prefix, attribute, comment or CDATA, which two readers of
 * XML could take in two ways. In time of its length.
 */
function readList(body: Buffer): readonly Listed[] | string {
  const text = isUtf8(body) ? body.toString('utf8') : ''
  const [before] = start.exec(text) ?? []
  if (before === undefined || !/<Delete[ >]/.test(before)) return more
  const found: Listed[] = []
  let within: Map<string, string> | undefined
  next.lastIndex = before.length
  for (let at = next.lastIndex; ; at = next.lastIndex) {
    next.lastIndex = at
    const { open, leaf = '', text: inner = '', close } = next.exec(text)?.groups ?? {}
    if (close === 'Delete' && within === undefined) break
    if (close === 'Object' && within !== undefined) {
      const one = readOne(within)
      if (typeof one === 'string') return one
      if (found.push(one) > maxKeys) return `it names more than ${maxKeys} objects`
      within = undefined
    } else if (open !== undefined && within === undefined) within = new Map()
    else if (leaf !== '' && (leaf === 'Quiet') === (within === undefined) && within?.has(leaf) !== true)
      within?.set(leaf, inner)
    else return more
  }
  if (/[^ \t\r\n]/.test(text.slice(next.lastIndex))) return more
  return found.length === 0 ? 'its list of keys is empty' : found
}

function readOne(within: ReadonlyMap<string, string>): Listed | string {
  const written = within.get('Key') ?? ''
  // Escapes are a few characters each: nothing longer is unescaped.
  const key = written.length > maxKeyBytes * 12 ? undefined : unescapeXml(written)
  const isKey = key !== undefined && key !== '' && Buffer.byteLength(key) <= maxKeyBytes
  if (!isKey || /(?:^|\/)\.{1,2}(?:\/|$)/.test(key)) return 'a key of its list cannot be read'
  return { key, isVersion: within.has('VersionId') }
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }

/** Undefined of what is no character of XML 1.0 (section 2.2), and of a line's end that its readers change. */
function unescapeXml(text: string): string | undefined {
  if (/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]/.test(text)) return undefined
  let isKnown = true
  const read = text.replaceAll(/&([^;&]{0,12})(;?)/g, (_whole, name: string, end: string) => {
    const one = Object.hasOwn(entities, name) ? entities[name] : characterOf(name)
    if (one === undefined || end === '') isKnown = false
    return one ?? ''
  })
  return isKnown ? read : undefined
}

function characterOf(name: string): string | undefined {
  const [, hex, decimal = ''] = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(name) ?? []
  const code = hex === undefined ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16)
  const isCharacter =
    [0x9, 0xa, 0xd].includes(code) ||
    (code >= 0x20 && code < 0xd800) ||
    (code >= 0xe000 && code <= 0x10ffff && code !== 0xfffe && code !== 0xffff)
  return isCharacter ? String.fromCodePoint(code) : undefined
}
