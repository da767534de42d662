import { crc32, inflateRawSync } from 'node:zlib'
import { releaseOf, type Release } from './route.ts'

const maxMetadataBytes = 4_194_304
const headBytes = 10

/**
 * A gzip file of one member without options, as Ruby writes it (RFC 1952, section 2.3); undefined for any other: of several members
 * some readers take the first alone, and others all.
 */
export function unzipOne(packed: Buffer): Buffer | undefined {
  if (packed.length < headBytes + 8 || packed.readUInt32BE(0) !== 0x1f8b0800) return undefined
  const { buffer, engine } = inflateRawSync(packed.subarray(headBytes), {
    info: true,
    maxOutputLength: maxMetadataBytes,
  }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } }
  const end = headBytes + engine.bytesWritten
  const isWhole = packed.length === end + 8 && packed.readUInt32LE(end) === crc32(buffer)
  return isWhole ? buffer : undefined
}

/** A key at the margin of the document, a member of a list that is one's value, or what is empty. */
const marginal = /^(?:[a-z_]+:(?: |$)|- |-$|$)/
const plainKey = /^([a-z_]+):/

/**
 * Which gem the YAML of a specification is of, as `gem build` begins it: name, version, platform, each on a line of its own. It is
 * read by these lines, not as YAML, where a name can be said in ways that readers take differently (merge keys, tags, a key that
 * comes twice), and where one of a hundred thousand keys takes minutes. Why not, if it is written in another way.
 */
export function releaseIn(text: string): Release | string {
  // These end a line to readers of YAML 1.1, too.
  if (/[\r\u0085\u2028\u2029\ufeff]/.test(text))
    return 'its metadata has line ends that gem build does not write'
  const lines = text.split('\n')
  const [head, named = '', versioned, numbered = '', placed = ''] = lines
  const name = scalarOf(named, /^name: (.+)$/)
  const version = scalarOf(numbered, /^ {2}version: (.+)$/)
  const platform = placed.startsWith('platform:') ? scalarOf(placed, /^platform: (.+)$/) : 'ruby'
  if (
    head !== '--- !ruby/object:Gem::Specification' ||
    versioned !== 'version: !ruby/object:Gem::Version' ||
    name === undefined ||
    version === undefined ||
    platform === undefined ||
    placed.startsWith(' ')
  )
    return 'its metadata does not begin as gem build writes it, with name, version and platform'
  const keys = new Set<string>()
  for (const line of lines.slice(1)) {
    if (line.startsWith(' ')) continue
    const key = plainKey.exec(line)?.[1]
    if (!marginal.test(line) || (key !== undefined && keys.has(key)))
      return `its metadata has what gem build does not write (${JSON.stringify(line.slice(0, 40))})`
    if (key !== undefined) keys.add(key)
  }
  const written = platform === 'ruby' ? version : `${version}-${platform}`
  return releaseOf(name, written) ?? 'its name or version is none that a registry takes'
}

/** A text that YAML takes for nothing else: no number, no word with a meaning, nothing but letters, digits, `_`, `.` and `-`. */
function scalarOf(line: string, form: RegExp): string | undefined {
  const written = form.exec(line)?.[1] ?? ''
  const quoted = /^(['"])([A-Za-z0-9_.-]+)\1$/.exec(written)?.[2]
  if (quoted !== undefined) return quoted
  const isText =
    /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(written) && Number.isNaN(Number(written.replaceAll('_', '')))
  return isText && !/^(?:null|true|false|yes|no|on|off|y|n)$/i.test(written) ? written : undefined
}
