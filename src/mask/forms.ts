import { base32Cores, base64Cores, characterNumbers, jsonEscapes, markupEscapes } from './encodings.ts'
import {
  numberLists,
  numberTexts,
  printableEscapes,
  reversals,
  shellEscapes,
  urlEscapes,
  wideTexts,
} from './encodings.ts'

/** How a form may be interrupted in the output, and what is masked with it. */
export type FormKind =
  /** Byte for byte. */
  | 'exact'
  /** White space may come between any two bytes (wrapped hex, lists of numbers). */
  | 'spaced'
  /** As `spaced`, and a hit masks the whole run of base64 characters around it. */
  | 'base64'

export interface Form {
  readonly bytes: Buffer
  readonly kind: FormKind
  /** The bytes as Latin-1. */
  readonly key: string
}

type Collect = (form: string | Buffer, kind: FormKind) => void

/** Forms shorter than this are not searched for: they would be found in innocent text. */
export const minFormBytes = 6
/** A form needs this many bytes above 0x20: the scanner looks at blocks of so many. */
export const minVisibleBytes = 4
// A longer text is searched for in pieces, so that the longest form, and with it what a stream may hold
// back, stays bounded. Pieces that touch are masked as one.
const maxPieceCharacters = 4096

/**
 * Every form of a secret that is searched for, without duplicates. `fewForms` is for the long tokens that Mayfly has itself
 * and gives to no step: as they are, in hex and in base64.
 */
export function formsOf(secret: string, fewForms = false): Form[] {
  const exact = new Map<string, Form>()
  const spaced = new Map<string, Form>()
  const collect: Collect = (form, kind) => {
    const bytes = typeof form === 'string' ? Buffer.from(form) : form
    if (bytes.length < minFormBytes || !isVisible(bytes)) return
    const isAscii = typeof form === 'string' && form.length === bytes.length
    const key = isAscii ? form : bytes.toString('latin1')
    ;(kind === 'exact' ? exact : spaced).set(key, { bytes, kind, key })
  }
  const collectAll = fewForms ? collectFewForms : collectForms
  for (const text of textsOf(secret)) for (const piece of piecesOf(text)) collectAll(piece, collect)
  return [...exact.values(), ...spaced.values()]
}

/** The forms of this one text, without the parts that `formsOf` also looks for. */
export function formsOfText(text: string): Form[] {
  const forms = new Map<string, Form>()
  collectForms(text.toWellFormed(), (form, kind) => {
    const bytes = typeof form === 'string' ? Buffer.from(form) : form
    const key = bytes.toString('latin1')
    if (bytes.length >= minFormBytes && isVisible(bytes)) forms.set(`${kind} ${key}`, { bytes, kind, key })
  })
  return [...forms.values()]
}

/** Of bytes that are no text: themselves, their hex and base64. */
export function formsOfBytes(bytes: Buffer): Form[] {
  const forms: Form[] = []
  const collect: Collect = (form, kind) => {
    const made = typeof form === 'string' ? Buffer.from(form) : form
    if (made.length >= minFormBytes) forms.push({ bytes: made, kind, key: made.toString('latin1') })
  }
  collect(bytes, 'exact')
  for (const hex of [bytes.toString('hex'), bytes.toString('hex').toUpperCase()]) collect(hex, 'spaced')
  for (const core of base64Cores(bytes)) collect(core, 'base64')
  return forms
}

/** Whether there are enough bytes above 0x20, the ones the scanner sees. */
export function isVisible(bytes: Uint8Array): boolean {
  let count = 0
  for (let at = 0; at < bytes.length && count < minVisibleBytes; at++)
    if ((bytes[at] as number) > 0x20) count++
  return count === minVisibleBytes
}

/** The texts a secret stands for before any encoding: itself, trimmed, its lines, other line ends. */
function textsOf(secret: string): Set<string> {
  const text = secret.toWellFormed()
  const trimmed = text.trim()
  const texts = new Set([text, trimmed])
  const quoted = /^(["'`])([^]*)\1$/.exec(trimmed)
  if (quoted !== null) texts.add(quoted[2] ?? '').add((quoted[2] ?? '').trim())
  const lines = trimmed.split(/\r\n|\r|\n/)
  if (lines.length > 1) {
    // The first and the last line of a key are those of every key.
    for (const line of lines)
      if (!/^-----[A-Z0-9 ]+-----$/.test(line.trim())) texts.add(line).add(line.trim())
    for (const end of ['\n', '\r\n', ' ', '\\n', '']) texts.add(lines.join(end))
  } else {
    // `user:pass`: tools print the password alone. Of `a:b:c` either colon may be the separator.
    const parts = trimmed.split(':')
    for (let i = 1; i < Math.min(parts.length, 8); i++) texts.add(parts.slice(i).join(':'))
  }
  for (const each of texts) if (Buffer.byteLength(each) < minFormBytes) texts.delete(each)
  return texts
}

function piecesOf(text: string): string[] {
  if (text.length <= maxPieceCharacters) return [text]
  const characters = Array.from(text)
  const count = Math.ceil(characters.length / maxPieceCharacters)
  const size = Math.ceil(characters.length / count)
  return Array.from({ length: count }, (_, i) => characters.slice(i * size, (i + 1) * size).join(''))
}

function collectForms(text: string, collect: Collect): void {
  const bytes = Buffer.from(text, 'utf8')
  const wide = Buffer.from(text, 'utf16le')
  const json = jsonEscapes(text)
  // Of most secrets, which have nothing to escape, these are the same text many times over.
  const texts = new Set([text, ...json, ...urlEscapes(text), ...markupEscapes(text), ...shellEscapes(text)])
  for (const form of [...printableEscapes(text), ...numberTexts(bytes), ...characterNumbers(text)])
    texts.add(form)
  for (const form of texts) collect(form, 'exact')
  for (const form of [...reversals(text), wide, ...wideTexts(text)]) collect(form, 'exact')
  const hex = bytes.toString('hex')
  for (const form of [hex, hex.toUpperCase(), ...numberLists(bytes)]) collect(form, 'spaced')
  // PowerShell encodes UTF-16LE; a JSON document that is encoded as a whole holds the escaped text.
  const encoded = [bytes, wide, Buffer.from(json[0] ?? text)]
  for (const each of encoded) for (const core of base64Cores(each)) collectBase64(core, collect)
  for (const core of base32Cores(bytes)) collect(core, 'base64')
}

function collectFewForms(text: string, collect: Collect): void {
  const bytes = Buffer.from(text, 'utf8')
  collect(bytes, 'exact')
  const hex = bytes.toString('hex')
  for (const form of [hex, hex.toUpperCase()]) collect(form, 'spaced')
  for (const core of base64Cores(bytes)) collect(core, 'base64')
}

function collectBase64(core: string, collect: Collect): void {
  collect(core, 'base64')
  // In a query string + and / are escaped; some JSON encoders write \/.
  for (const escaped of [percent(core, '2B', '2F'), percent(core, '2b', '2f'), core.replaceAll('/', '\\/')]) {
    if (escaped !== core) collect(escaped, 'base64')
  }
  for (const twice of base64Cores(Buffer.from(core))) collect(twice, 'base64')
}

function percent(core: string, plus: string, slash: string): string {
  return core.replaceAll('+', `%${plus}`).replaceAll('/', `%${slash}`)
}
