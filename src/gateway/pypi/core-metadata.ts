import { MayflyError } from '../../lib/index.ts'

/** Fields of METADATA or PKG-INFO by their names in lower case, in order. */
export type CoreMetadata = ReadonlyMap<string, readonly string[]>

const wrong = (why: string) => new MayflyError('bad_input', why)

/**
 * Reads the fields of a package's metadata (core metadata specification; the form of RFC 822). Readers are made for mail, and take much
 * that no builder writes in ways of their own: what is not a field, or goes on with one, throws `bad_input`.
 */
export function readCoreMetadata(bytes: Buffer): CoreMetadata {
  const fields = new Map<string, string[]>()
  let last: string[] | undefined
  for (const line of headOf(bytes)) {
    const field = /^([A-Za-z][A-Za-z-]{0,63}):[ \t]*(.*)$/.exec(line)
    if (field !== null) {
      const [, name = '', value = ''] = field
      last = fields.get(name.toLowerCase()) ?? []
      last.push(value.trimEnd())
      fields.set(name.toLowerCase(), last)
    } else if (last !== undefined && /^[ \t]/.test(line)) last.push(`${last.pop() ?? ''}\n${line.trim()}`)
    else throw wrong(`its metadata has the line ${JSON.stringify(line.slice(0, 60))}, which is no field`)
  }
  return fields
}

/** The lines before the first that is empty; behind it is the description. */
function headOf(bytes: Buffer): string[] {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new MayflyError('bad_input', 'its metadata is not in UTF-8', { cause })
  }
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const end = lines.indexOf('')
  const head = end === -1 ? lines : lines.slice(0, end)
  // Some of these end a line for some readers; and a byte order mark hides a name.
  // eslint-disable-next-line no-control-regex
  const odd = head.find((line) => /[\u0000-\u0008\u000b-\u001f\u007f\u0085\u2028\u2029\ufeff]/.test(line))
  if (odd !== undefined) throw wrong('its metadata has characters in it that end lines for some readers')
  return head
}
