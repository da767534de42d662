const plain = /[A-Za-z0-9]/

/** Escapes used in JSON strings by JavaScript, Go, Python and PHP, without the quotes around. */
export function jsonEscapes(text: string): string[] {
  const base = JSON.stringify(text).slice(1, -1)
  const forms = [base, base.replaceAll('/', '\\/')]
  for (const upper of [false, true]) {
    const u = (pattern: RegExp, from: string) =>
      from.replaceAll(pattern, (unit) => unicodeEscape(unit, upper))
    const ascii = u(/[\u007f-\uffff]/g, base)
    const html = u(/[<>&\u2028\u2029]/g, base)
    forms.push(ascii, ascii.replaceAll('/', '\\/'), html, u(/[<>&'\u007f-\uffff]/g, base))
    // PHP's JSON_HEX_QUOT writes \u0022 where the others write \".
    const hexQuotes = base.replaceAll(/\\(.)/g, (whole, c: string) =>
      c === '"' ? unicodeEscape('"', upper) : whole,
    )
    forms.push(u(/[<>&']/g, hexQuotes), u(/[<>&'\u007f-\uffff]/g, hexQuotes).replaceAll('/', '\\/'))
    // Encoders that know no short escapes: \u000a for \n.
    forms.push(u(/[\u0000-\u001f"\\]/g, text), u(/[\u0000-\u001f"\\\u007f-\uffff]/g, text))
    forms.push(u(/[^A-Za-z0-9]/g, text), u(/[^]/g, text))
  }
  // JSON inside JSON: a log line that quotes a body.
  return [...forms, JSON.stringify(base).slice(1, -1)]
}

function unicodeEscape(unit: string, upper: boolean): string {
  const hex = unit.charCodeAt(0).toString(16).padStart(4, '0')
  return `\\u${upper ? hex.toUpperCase() : hex}`
}

/** What each encoder leaves as it is. */
const urlKeepers = [
  /[A-Za-z0-9_.~-]/, // RFC 3986 unreserved
  /[A-Za-z0-9_.~/-]/, // Python quote
  /[A-Za-z0-9_.!~*'()-]/, // encodeURIComponent
  /[A-Za-z0-9_.!~*'();,/?:@&=+$#-]/, // encodeURI
  /[!$%&'()*+,\-.0-9A-Z_a-z~]/, // WHATWG user info
  /[!$%&'()*+,\-./0-9:;=@A-Z[\]^_a-z|~\\]/, // WHATWG path
  /[A-Za-z0-9_.*-]/, // form
  /[^\0-\uffff]/, // everything as %XX
]

/** %XX encodings of the UTF-8 bytes, in both cases, and with `+` for a space as forms do. */
export function urlEscapes(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8')
  const forms: string[] = []
  for (const keep of urlKeepers) {
    for (const upper of [false, true]) {
      const escaped = escapeBytes(bytes, '%', keep, upper)
      forms.push(escaped)
      if (keep.test('a')) forms.push(escaped.replaceAll('%20', '+'))
    }
  }
  return forms
}

/** What quoted-printable (RFC 2045, section 6.7) and encoded words of headers (RFC 2047, section 4.2) leave as it is. */
const printableKeepers = [
  /[\t\n\r\x20-<>-~]/,
  /[\n\r!-<>-~]/,
  /[!-<>-~]/,
  /[A-Za-z0-9!*+/-]/,
  /[^\0-\uffff]/, // everything as =XX
]

/** =XX encodings of the UTF-8 bytes, without the soft line breaks. In headers `_` is a space. */
export function printableEscapes(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8')
  return printableKeepers.flatMap((keep) =>
    [true, false].flatMap((upper) => {
      const escaped = escapeBytes(bytes, '=', keep, upper)
      return keep.test(' ') || !keep.test('a') ? [escaped] : [escaped, escaped.replaceAll('=20', '_')]
    }),
  )
}

function escapeBytes(bytes: Uint8Array, sign: string, keep: RegExp, upper: boolean): string {
  let out = ''
  for (const byte of bytes) {
    const character = String.fromCharCode(byte)
    if (byte < 0x80 && keep.test(character)) out += character
    else out += `${sign}${hexByte(byte, upper)}`
  }
  return out
}

function hexByte(byte: number, upper: boolean): string {
  const hex = byte.toString(16).padStart(2, '0')
  return upper ? hex.toUpperCase() : hex
}

/** XML and HTML escapes, with every spelling of the two quotes that encoders use. */
export function markupEscapes(text: string): string[] {
  const base = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const forms = [base, text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')]
  for (const single of ["'", '&apos;', '&#39;', '&#039;', '&#x27;', '&#X27;']) {
    for (const double of ['"', '&quot;', '&#34;', '&#034;', '&#x22;', '&#X22;']) {
      forms.push(base.replaceAll("'", single).replaceAll('"', double))
    }
  }
  const numeric = (radix: 10 | 16) => (c: string) => {
    const code = (c.codePointAt(0) ?? 0).toString(radix)
    return `&#${radix === 16 ? 'x' : ''}${code};`
  }
  const special = /[&<>'"]|[^\0-\x7f]/gu
  forms.push(text.replaceAll(special, numeric(10)), text.replaceAll(special, numeric(16)))
  return forms
}

/** Quoting of POSIX shells, bash's `%q`, PowerShell, batch, make and `repr`. */
export function shellEscapes(text: string): string[] {
  const ansiC = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')
  return [
    text.replaceAll("'", `'\\''`),
    text.replaceAll("'", `'"'"'`),
    text.replaceAll("'", "''"),
    text.replaceAll(/["$`\\]/g, '\\$&'),
    text.replaceAll(/["$`\\!]/g, '\\$&'),
    text
      .replaceAll(/[\x21-\x7e]/g, (c) => (plain.test(c) || '_@%+=:,./-'.includes(c) ? c : `\\${c}`))
      .replaceAll(' ', '\\ '),
    // Bash's %q leaves more as it is; whether a comma, differs by version.
    text.replaceAll(/[\s!"$&'()*;<>?[\]^`{|}\\,]/g, '\\$&'),
    text.replaceAll(/[\s!"$&'()*;<>?[\]^`{|}\\]/g, '\\$&'),
    ansiC,
    ansiC.replaceAll("'", "\\'"),
    text.replaceAll('`', '``').replaceAll(/["$]/g, '`$&'),
    text.replaceAll(/[&|<>^]/g, '^$&'),
    text.replaceAll('%', '%%'),
    text.replaceAll('$', '$$$$'),
  ]
}

/** Byte after byte as a number, one line of text: `\x61\x62`, `\141\142`, `97 98`, as C, printf and awk have it. */
export function numberTexts(bytes: Uint8Array): string[] {
  const list = (each: (byte: number) => string, between: string) => Array.from(bytes, each).join(between)
  return [
    ...[false, true].flatMap((upper) => [
      list((byte) => `\\x${hexByte(byte, upper)}`, ''),
      list((byte) => `0x${hexByte(byte, upper)}`, ' '),
    ]),
    list((byte) => `\\${byte.toString(8).padStart(3, '0')}`, ''),
    list(String, ' '),
    list(String, '\n'),
  ]
}

/** The same with a sign between, after which lines are wrapped: `61:62`, `0x61, 0x62`, `97, 98`. Without the blanks. */
export function numberLists(bytes: Uint8Array): string[] {
  const list = (each: (byte: number) => string, between: string) => Array.from(bytes, each).join(between)
  const inBothCases = [false, true].flatMap((upper) => [
    list((byte) => hexByte(byte, upper), ':'),
    list((byte) => hexByte(byte, upper), '-'),
    list((byte) => `0x${hexByte(byte, upper)}`, ','),
  ])
  return [...inBothCases, list(String, ',')]
}

/** Every character as a number: HTML, and JavaScript's `\u{61}`. */
export function characterNumbers(text: string): string[] {
  const all = (each: (code: number) => string) =>
    Array.from(text, (c) => each(c.codePointAt(0) ?? 0)).join('')
  return [
    all((code) => `&#${code};`),
    all((code) => `&#x${code.toString(16)};`),
    all((code) => `&#x${code.toString(16).toUpperCase()};`),
    all((code) => `\\u{${code.toString(16)}}`),
  ]
}

/** UTF-16 with the higher byte first, and UTF-32 in both orders. */
export function wideTexts(text: string): Buffer[] {
  const units = Buffer.from(text, 'utf16le').swap16()
  const codes = Array.from(text, (c) => c.codePointAt(0) ?? 0)
  const [little, big] = [Buffer.alloc(codes.length * 4), Buffer.alloc(codes.length * 4)]
  for (const [i, code] of codes.entries()) {
    little.writeUInt32LE(code, i * 4)
    big.writeUInt32BE(code, i * 4)
  }
  return [units, little, big]
}

/** Read from the end, as `rev` does it (characters) and as a byte-wise tool does. */
export function reversals(text: string): Buffer[] {
  return [Buffer.from(Array.from(text).toReversed().join('')), Buffer.from(text).reverse()]
}

/**
 * The part of base64(prefix + bytes + suffix) that no prefix and no suffix changes, for the three
 * alignments: at most 6 bits of the secret are lost at each edge. Both alphabets.
 */
export function base64Cores(bytes: Uint8Array): string[] {
  const cores = [0, 1, 2].map((shift) => {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes])
    const text = padded.toString('base64').replaceAll('=', '')
    const first = shift === 0 ? 0 : shift + 1
    return text.slice(first, padded.length % 3 === 0 ? text.length : -1)
  })
  return [...new Set([...cores, ...cores.map((core) => core.replaceAll('+', '-').replaceAll('/', '_'))])]
}

const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The same of base32 (RFC 4648, section 6), for its five alignments, in both cases. */
export function base32Cores(bytes: Uint8Array): string[] {
  const cores = [0, 1, 2, 3, 4].map((shift) => {
    const bits = [...new Uint8Array(shift), ...bytes]
      .map((byte) => byte.toString(2).padStart(8, '0'))
      .join('')
    let text = ''
    for (let at = 0; at + 5 <= bits.length; at += 5)
      text += base32Alphabet[Number.parseInt(bits.slice(at, at + 5), 2)]
    return text.slice(Math.ceil((shift * 8) / 5))
  })
  return [...cores, ...cores.map((core) => core.toLowerCase())]
}
