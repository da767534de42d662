import { createHash } from 'node:crypto'
import { MayflyError } from '../../lib/index.ts'

/**
 * Reads an upload (multipart/form-data, RFC 7578) of which the file is the last part, as it passes. It takes the one form that
 * every reader reads alike: no text before the first part or behind the last, no other headers than these, no nesting, lines that
 * end in CRLF, and the boundary nowhere but between parts. So the server sees the fields that were judged here.
 */
export interface FormReader {
  /** The next bytes of the body. Throws `bad_input` for any other form, and `limit_exceeded`. */
  push(chunk: Buffer): void
  /** The fields before the file, and its name, once it begins. */
  readonly file: FileInForm | undefined
  /** After the last bytes: SHA-256 of the file, in hex, and its length. Throws `bad_input` if the form is not whole. */
  end(): { readonly sha256: string; readonly bytes: number }
}

export interface FileInForm {
  readonly name: string
  readonly fields: ReadonlyMap<string, string>
  /** All that a field was sent with: classifiers, dependencies. */
  readonly lists: ReadonlyMap<string, readonly string[]>
  /** At which byte of the body it begins. */
  readonly start: number
}

const maxHeadBytes = 2_048
const maxParts = 2_000
const disposition =
  /^content-disposition: *form-data; *name="(?<name>[A-Za-z0-9_:.-]{1,100})"(?:; *filename="(?<file>[A-Za-z0-9._+!-]{1,256})")?$/i
/** What decides may stand there only once. */
const single = new Set([
  ':action',
  'name',
  'version',
  'filetype',
  'sha256_digest',
  'gpg_signature',
  'content',
])
const crlf = '\r\n'

/** The boundary that a content type names (RFC 2046, 5.1.1, but for spaces), bare or quoted; a charset may stand beside it. */
export function boundaryIn(contentType: string): string | undefined {
  const charset = '(?:; *charset="?utf-8"?)?'
  const form = String.raw`^multipart\/form-data${charset}; *boundary=(?:"(?<quoted>[A-Za-z0-9'()+_,./:=?-]{1,70})"|(?<bare>[A-Za-z0-9'+_.=-]{1,70}))${charset}$`
  const { quoted, bare } = new RegExp(form, 'i').exec(contentType)?.groups ?? {}
  return quoted ?? bare
}

/** The content type with this boundary, which every reader takes for the same. */
export function formTypeOf(boundary: string): string {
  return `multipart/form-data; boundary=${/^[A-Za-z0-9_.'-]+$/.test(boundary) ? boundary : `"${boundary}"`}`
}

export function createFormReader(boundary: string, maxFieldBytes: number): FormReader {
  const delimiter = Buffer.from(`--${boundary}`)
  const fields = new Map<string, string>()
  const lists = new Map<string, string[]>()
  const hash = createHash('sha256')
  let state: 'begin' | 'head' | 'field' | 'file' | 'after' | 'end' = 'begin'
  let held: Buffer = Buffer.alloc(0)
  let name = ''
  let file: FormReader['file']
  let signature: string | undefined
  let [fieldBytes, fileBytes, parts, pushed] = [0, 0, 0, 0]
  let ended: ReturnType<FormReader['end']> | undefined

  function step(): boolean {
    if (state === 'begin') return take(delimiter.length, (bytes) => begin(bytes))
    if (state === 'after') return take(2, (bytes) => after(bytes.toString('latin1')))
    if (state === 'head') return readHead()
    return state === 'end' ? readEnd() : readContent()
  }

  function take(length: number, use: (bytes: Buffer) => void): boolean {
    if (held.length < length) return false
    const bytes = held.subarray(0, length)
    held = held.subarray(length)
    use(bytes)
    return true
  }

  function begin(bytes: Buffer): void {
    if (!bytes.equals(delimiter)) throw wrong('it does not begin with its boundary')
    state = 'after'
  }

  function after(two: string): void {
    if (two === '--') state = 'end'
    else if (two !== crlf || file !== undefined) throw wrong('the file is not its last part')
    else state = 'head'
  }

  function readHead(): boolean {
    const end = held.indexOf('\r\n\r\n')
    if (end > maxHeadBytes || (end === -1 && held.length > maxHeadBytes))
      throw wrong('a part has a long head')
    if (end === -1) return false
    const lines = held.subarray(0, end).toString('latin1').split(crlf)
    held = held.subarray(end + 4)
    openPart(lines)
    return true
  }

  function openPart(lines: readonly string[]): void {
    const named = lines.filter((line) => /^content-disposition:/i.test(line))
    const others = lines.filter((line) => !named.includes(line))
    const parts = disposition.exec(named.length === 1 ? (named[0] ?? '') : '')?.groups
    if (
      parts === undefined ||
      others.length > 1 ||
      !others.every((line) => /^content-type: *[\w./+;= "-]+$/i.test(line))
    )
      throw wrong('a part has a head of another form')
    name = parts['name'] ?? ''
    // Two things are files: what is published, and the signature that stands beside it.
    if ((parts['file'] !== undefined) !== (name === 'content' || name === 'gpg_signature'))
      throw wrong(`"${name}" is not sent in this way`)
    if (single.has(name) && fields.has(name)) throw wrong(`it has "${name}" twice`)
    if (name === 'gpg_signature') signature = parts['file']
    if (name === 'content') file = { name: parts['file'] ?? '', fields, lists, start: pushed - held.length }
    if (file !== undefined && signature !== undefined && signature !== `${file.name}.asc`)
      throw wrong(`its "gpg_signature" is to be the file ${file.name}.asc`)
    state = name === 'content' ? 'file' : 'field'
  }

  function readContent(): boolean {
    const at = held.indexOf(delimiter)
    if (at === -1) {
      // As much may be the beginning of what ends the part.
      const sure = state === 'file' ? held.length - delimiter.length - 2 : 0
      if (sure > 0) take(sure, addToFile)
      return false
    }
    if (at < 2 || held.toString('latin1', at - 2, at) !== crlf)
      throw wrong('its boundary stands within a part')
    take(at - 2, state === 'file' ? addToFile : addField)
    held = held.subarray(2 + delimiter.length)
    state = 'after'
    return true
  }

  function addToFile(bytes: Buffer): void {
    hash.update(bytes)
    fileBytes += bytes.length
  }

  function addField(bytes: Buffer): void {
    if (++parts > maxParts) throw wrong('it has too many fields')
    const text = bytes.toString('utf8')
    if (!fields.has(name)) fields.set(name, text)
    lists.set(name, [...(lists.get(name) ?? []), text])
  }

  function readEnd(): boolean {
    if (held.length > 2 || !crlf.startsWith(held.toString('latin1')))
      throw wrong('something stands behind it')
    return false
  }

  return {
    push(chunk) {
      if (file === undefined && (fieldBytes += chunk.length) > maxFieldBytes)
        throw new MayflyError(
          'limit_exceeded',
          `what an upload has before its file (description, attestations and other fields) is over ${maxFieldBytes} bytes: shorten the description`,
        )
      pushed += chunk.length
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      while (step());
    },
    get file() {
      return file
    },
    end() {
      if (state !== 'end' || file === undefined) throw wrong('it breaks off')
      return (ended ??= { sha256: hash.digest('hex'), bytes: fileBytes })
    },
  }
}

function wrong(why: string): MayflyError {
  return new MayflyError('bad_input', `an upload of this form is not taken: ${why}`)
}
