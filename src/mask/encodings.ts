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

const [hexLower, hexUpper] = [false, true].map((upper) =>
  Array.from({ length: 256 }, (_, byte) => {
    const hex = byte.toString(16).padStart(2, '0')
    return upper ? hex.toUpperCase() : hex
  }),
) as [string[], string[]]

/** What each encoder escapes; the rest it leaves as it is. */
const urlEscaped = [
  /[^A-Za-z0-9_.~-]/g, // RFC 3986 unreserved
  /[^A-Za-z0-9_.~/-]/g, // Python quote
  /[^A-Za-z0-9_.!~*'()-]/g, // encodeURIComponent
  /[^A-Za-z0-9_.!~*'();,/?:@&=+$#-]/g, // encodeURI
  /[^!$%&'()*+,\-.0-9A-Z_a-z~]/g, // WHATWG user info
  /[^!$%&'()*+,\-./0-9:;=@A-Z[\]^_a-z|~\\]/g, // WHATWG path
  /[^A-Za-z0-9_.*-]/g, // form
]
const everything = [/[^]/g]

/** %XX encodings of the UTF-8 bytes, in both cases, and with `+` for a space as forms do. */
export function urlEscapes(text: string): string[] {
  return [
    ...escapeBytes(text, '%', urlEscaped).flatMap((escaped) => [escaped, escaped.replaceAll('%20', '+')]),
    ...escapeBytes(text, '%', everything),
  ]
}

/** The same for quoted-printable (RFC 2045, section 6.7) and encoded words of headers (RFC 2047, section 4.2). */
const printableEscaped = [/[^\t\n\r\x20-<>-~]/g, /[^\n\r!-<>-~]/g, /[^!-<>-~]/g, /[^A-Za-z0-9!*+/-]/g]

/** =XX encodings of the UTF-8 bytes, without the soft line breaks. In headers `_` is a space. */
export function printableEscapes(text: string): string[] {
  return [
    ...escapeBytes(text, '=', printableEscaped).flatMap((escaped) => [
      escaped,
      escaped.replaceAll('=20', '_'),
    ]),
    ...escapeBytes(text, '=', everything),
  ]
}

function escapeBytes(text: string, sign: string, escaped: readonly RegExp[]): string[] {
  // A character for each byte of the UTF-8.
  const bytes = Buffer.from(text, 'utf8').toString('latin1')
  return escaped.flatMap((pattern) =>
    [hexLower, hexUpper].map((hex) =>
      bytes.replaceAll(pattern, (byte) => `${sign}${hex[byte.charCodeAt(0)]}`),
    ),
  )
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
  const octals = Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, '0')}`)
  return [
    ...[hexLower, hexUpper].flatMap((hex) => {
      const each = Array.from(bytes, (byte) => hex[byte])
      return [`\\x${each.join('\\x')}`, `0x${each.join(' 0x')}`]
    }),
    octals.join(''),
    bytes.join(' '),
    bytes.join('\n'),
  ]
}

/** The same with a sign between, after which lines are wrapped: `61:62`, `0x61, 0x62`, `97, 98`. Without the blanks. */
export function numberLists(bytes: Uint8Array): string[] {
  const inBothCases = [hexLower, hexUpper].flatMap((hex) => {
    const each = Array.from(bytes, (byte) => hex[byte])
    return [each.join(':'), each.join('-'), `0x${each.join(',0x')}`]
  })
  return [...inBothCases, bytes.join(',')]
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
  const padded = Buffer.alloc(bytes.length + 2)
  padded.set(bytes, 2)
  const cores = [0, 1, 2].map((shift) => {
    const whole = Math.floor(((bytes.length + shift) * 8) / 6)
    return padded
      .subarray(2 - shift)
      .toString('base64')
      .slice(shift === 0 ? 0 : shift + 1, whole)
  })
  return [...new Set([...cores, ...cores.map((core) => core.replaceAll('+', '-').replaceAll('/', '_'))])]
}

const base32Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** The same of base32 (RFC 4648, section 6), for its five alignments, in both cases. */
export function base32Cores(bytes: Uint8Array): string[] {
  const cores = [0, 1, 2, 3, 4].map((shift) => {
    const skipped = Math.ceil((shift * 8) / 5)
    let [value, bits, text] = [0, 0, '']
    // What the bytes in front leave of the first character that is of the secret alone.
    bits = shift * 8 - skipped * 5
    for (const byte of bytes) {
      value = ((value << 8) | byte) & 0xfff
      for (bits += 8; bits >= 5; bits -= 5) text += base32Alphabet[(value >>> (bits - 5)) & 31]
    }
    return text
  })
  return [...cores, ...cores.map((core) => core.toLowerCase())]
}
