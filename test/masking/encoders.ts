import { spawnSync } from 'node:child_process'
import type { Random } from './random.ts'

/**
 * How tools print a text, each written from what the tool does and with what Node has built in, never with the masker's own
 * tables: an oracle that shares its tables with what it judges finds nothing.
 */
export type Encoder = (text: string, random: Random) => string | Buffer

const bytesOf = (text: string) => [...Buffer.from(text)]
const hexOf = (byte: number) => byte.toString(16).padStart(2, '0')
const each = (text: string, form: (byte: number) => string, between: string) =>
  bytesOf(text).map(form).join(between)
const wrapped = (text: string, width: number, end: string) =>
  text.replaceAll(new RegExp(`.{${width}}(?=.)`, 'g'), `$&${end}`)
const surrounded = (text: string, random: Random) =>
  Buffer.from(`${random.noise(random.below(9))}${text}${random.noise(random.below(9))}`)

function base32(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let [value, bits, out] = [0, 0, '']
  for (const byte of bytesOf(text)) {
    value = (value << 8) | byte
    bits += 8
    for (; bits >= 5; bits -= 5) out += alphabet[(value >>> (bits - 5)) & 31]
    value &= (1 << bits) - 1
  }
  if (bits > 0) out += alphabet[(value << (5 - bits)) & 31]
  return out.padEnd(Math.ceil(out.length / 8) * 8, '=')
}

function utf32(text: string, big: boolean): Buffer {
  return Buffer.concat(
    Array.from(text, (c) => {
      const four = Buffer.alloc(4)
      if (big) four.writeUInt32BE(c.codePointAt(0) ?? 0)
      else four.writeUInt32LE(c.codePointAt(0) ?? 0)
      return four
    }),
  )
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** As mailers do it: lines of at most 76 characters, no escape cut in two, blanks before a line end escaped. */
function quotedPrintable(text: string, random: Random, end: string): string {
  const parts = bytesOf(text).map((byte) =>
    byte === 0x3d || byte < 0x20 || byte > 0x7e ? `=${hexOf(byte).toUpperCase()}` : String.fromCharCode(byte),
  )
  // Where in a line it begins.
  let column = random.below(76)
  return parts
    .map((part) => {
      const breaks = column + part.length > 75
      column = breaks ? part.length : column + part.length
      return breaks ? `=${end}${part}` : part
    })
    .join('')
    .replace(/^=\r?\n/, '')
}

export const encoders: Readonly<Record<string, Encoder>> = {
  'as it is': (text) => text,
  JSON: (text) => JSON.stringify(text).slice(1, -1),
  'JSON in JSON': (text) => JSON.stringify(JSON.stringify(text)).slice(3, -3),
  'JSON in ASCII': (text) =>
    JSON.stringify(text)
      .slice(1, -1)
      .replaceAll(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
  encodeURIComponent: (text) => encodeURIComponent(text),
  encodeURI: (text) => encodeURI(text),
  'URL, lower case': (text) => encodeURIComponent(text).replaceAll(/%../g, (c) => c.toLowerCase()),
  'form of a browser': (text) => new URLSearchParams({ a: text }).toString().slice(2),
  'percent, every byte': (text) => each(text, (byte) => `%${hexOf(byte)}`, ''),
  'percent, every byte, upper case': (text) => each(text, (byte) => `%${hexOf(byte).toUpperCase()}`, ''),
  markup: (text) => text.replaceAll(/[&<>"']/g, (c) => entities[c] ?? c),
  'markup, numbers': (text) => Array.from(text, (c) => `&#${c.codePointAt(0)};`).join(''),
  hex: (text) => Buffer.from(text).toString('hex'),
  'hex, upper case': (text) => Buffer.from(text).toString('hex').toUpperCase(),
  'hex, by byte': (text) => each(text, hexOf, ' '),
  'hex, wrapped (xxd -p)': (text) => wrapped(Buffer.from(text).toString('hex'), 60, '\n'),
  'hex, by colons': (text) => each(text, hexOf, ':'),
  'hex, by colons, wrapped (openssl)': (text) => wrapped(each(text, hexOf, ':'), 45, '\n    '),
  'hex, by dashes (BitConverter)': (text) => each(text, (byte) => hexOf(byte).toUpperCase(), '-'),
  'hex escapes': (text) => each(text, (byte) => `\\x${hexOf(byte)}`, ''),
  'C array': (text) => each(text, (byte) => `0x${hexOf(byte)}`, ', '),
  'C array, wrapped (xxd -i)': (text) =>
    bytesOf(text)
      .map((byte) => `0x${hexOf(byte)}`)
      .join(', ')
      .replaceAll(/((?:0x.., ){11}0x..,) /g, '$1\n  '),
  octal: (text) => each(text, (byte) => `\\${byte.toString(8).padStart(3, '0')}`, ''),
  'list of numbers': (text) => bytesOf(text).join(','),
  'list of numbers, spaced': (text) => bytesOf(text).join(', '),
  'list of numbers, by line': (text) => bytesOf(text).join('\n'),
  'JSON of a Buffer, indented': (text) =>
    /\[\s*([^\]]*?)\s*\]/.exec(JSON.stringify(Buffer.from(text), null, 2))?.[1] ?? '',
  'quoted-printable': (text, random) => quotedPrintable(text, random, '\n'),
  'quoted-printable, CR LF': (text, random) => quotedPrintable(text, random, '\r\n'),
  'quoted-printable, every byte': (text) =>
    each(text, (byte) => `=${hexOf(byte).toUpperCase()}`, '').replaceAll(/(.{75})(?=.)/g, '$1=\n'),
  'encoded word of a header': (text) =>
    Array.from(text, (c) =>
      c === ' '
        ? '_'
        : /[\w!*+/-]/.test(c) && c !== '_'
          ? c
          : each(c, (byte) => `=${hexOf(byte).toUpperCase()}`, ''),
    ).join(''),
  base64: (text) => Buffer.from(text).toString('base64'),
  'base64 with more around': (text, random) => surrounded(text, random).toString('base64'),
  base64url: (text, random) => surrounded(text, random).toString('base64url'),
  'base64, twice': (text, random) =>
    surrounded(surrounded(text, random).toString('base64'), random).toString('base64'),
  'base64, wrapped (MIME)': (text) =>
    wrapped(Buffer.from(text).toString('base64').replaceAll('=', ''), 76, '\r\n'),
  'base64, wrapped narrowly': (text, random) => {
    const encoded = Buffer.from(text).toString('base64').replaceAll('=', '')
    let width = 4 + random.below(30)
    // A last character on a line of its own holds at most six bits, and is not told from other text.
    while (encoded.length % width === 1) width++
    return wrapped(encoded, width, '\n')
  },
  'base64 in a query': (text) => encodeURIComponent(Buffer.from(text).toString('base64').replaceAll('=', '')),
  'base64 of UTF-16 (PowerShell)': (text, random) =>
    Buffer.from(surrounded(text, random).toString(), 'utf16le').toString('base64'),
  'base64 of JSON': (text) => Buffer.from(JSON.stringify({ a: text, b: 1 })).toString('base64'),
  'basic authentication': (text) => Buffer.from(`user:${text}`).toString('base64'),
  base32: (text) => base32(text),
  'base32 with more around': (text, random) => base32(surrounded(text, random).toString()),
  'UTF-16, little': (text) => Buffer.from(text, 'utf16le'),
  'UTF-16, big': (text) => Buffer.from(text, 'utf16le').swap16(),
  'UTF-32, little': (text) => utf32(text, false),
  'UTF-32, big': (text) => utf32(text, true),
  reversed: (text) => Array.from(text).toReversed().join(''),
  'single quotes of a shell': (text) => text.replaceAll("'", `'\\''`),
  'double quotes of a shell': (text) => text.replaceAll(/["$`\\]/g, (c) => `\\${c}`),
  "PowerShell's single quotes": (text) => text.replaceAll("'", "''"),
  "PowerShell's double quotes": (text) => text.replaceAll(/[`"$]/g, (c) => `\`${c}`),
  batch: (text) => text.replaceAll(/[&|<>^]/g, (c) => `^${c}`),
  'batch, percent': (text) => text.replaceAll('%', '%%'),
  make: (text) => text.replaceAll('$', () => '$$'),
  coloured: (text, random) =>
    Array.from(text, (c) => `\x1b[${30 + random.below(8)}m${c}`)
      .join('')
      .slice(5),
  'coloured in parts': (text, random) => {
    const at = 1 + random.below(text.length - 1)
    return `${text.slice(0, at)}\x1b[1;31m\x1b[K${text.slice(at)}`
  },
}

/** As bash's `printf %q` writes each of the texts; undefined where there is no bash. */
export function bashQuoted(texts: readonly string[]): string[] | undefined {
  const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8' }
  const ran = spawnSync('bash', ['-c', `printf '%q\\0' "$@"`, '-', ...texts], { encoding: 'utf8', env })
  return ran.status === 0 ? ran.stdout.split('\0').slice(0, -1) : undefined
}
