/** A value within a value; `name` is the key it stands under, '' where there is none. */
export interface Part {
  readonly name: string
  readonly value: string
}

const maxDepth = 16
/** More than any file of credentials has; a larger one is taken in part. */
const maxParts = 2_000

/** The parts of a JSON, YAML or .env document, or of a connection string; undefined when it is none of these. */
export function partsOf(value: string): Part[] | undefined {
  return jsonParts(value) ?? lineParts(value) ?? pairParts(value)
}

function jsonParts(text: string): Part[] | undefined {
  if (!/^\s*[[{"]/.test(text)) return undefined
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return undefined
  }
  const parts: Part[] = []
  collect(document, '', 0, parts)
  return parts
}

function collect(value: unknown, name: string, depth: number, parts: Part[]): void {
  if (parts.length >= maxParts || depth > maxDepth) return
  if (typeof value === 'string') parts.push({ name, value })
  else if (Array.isArray(value)) for (const member of value) collect(member, name, depth + 1, parts)
  else if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value)) collect(member, key, depth + 1, parts)
}

// A key of YAML or of a file of variables, with what may stand before it.
const keyed =
  /^[ \t]*(?:export[ \t]+|set[ \t]+)?(?:- +)*(?:"([^"]+)"|'([^']+)'|([^\s:="'#{}[\],][^\s:="']*|\/\/\S+?:\w+))[ \t]*(=|:(?=\s|$))[ \t]*(.*)$/
const listed = /^[ \t]*- +(\S.*)$/

/**
 * Lines of `NAME=VALUE` or of YAML, read as plainly as a masker may: anchors, tags and types are of no interest, and a
 * parser of either would be the largest part of a step's start. Every line must have a form that is known.
 */
function lineParts(text: string): Part[] | undefined {
  const lines = text.split(/\r?\n/)
  const parts: Part[] = []
  let name = ''
  let isDocument = false
  for (let i = 0; i < lines.length && parts.length < maxParts; i++) {
    const line = lines[i] as string
    if (/^\s*(?:[#;].*|\[[^\]=]+\]|---|\.\.\.)?$/.test(line)) continue
    const match = keyed.exec(line)
    const item = match === null ? listed.exec(line) : null
    if (match === null && item === null) return undefined
    isDocument ||= lines.length > 1 || match?.[4] === ':'
    if (match !== null) name = match[1] ?? match[2] ?? match[3] ?? ''
    const value = match === null ? (item?.[1] ?? '') : (match[5] ?? '')
    if (/^[|>][+-]?\d?$/.test(value) || /^["'](?!.*["']\s*$)/.test(value)) {
      const block = blockAfter(lines, i, value)
      i = block.last
      parts.push({ name, value: block.text })
    } else parts.push(...valueParts(name, value))
  }
  return isDocument ? parts : undefined
}

/** A block of YAML, by its indent, or a quoted text of more than one line, by its quote. */
function blockAfter(
  lines: readonly string[],
  at: number,
  head: string,
): { readonly text: string; readonly last: number } {
  const quote = /^["']/.exec(head)?.[0]
  let last = at
  if (quote !== undefined) {
    while (last + 1 < lines.length && !(lines[++last] as string).trimEnd().endsWith(quote));
    const text = [head.slice(1), ...lines.slice(at + 1, last + 1)].join('\n').trimEnd()
    return { text: text.endsWith(quote) ? text.slice(0, -1) : text, last }
  }
  const indent = /^[ \t]*/.exec(lines[at] as string)?.[0].length ?? 0
  const isInside = (line: string) => line.trim() === '' || (/^[ \t]*/.exec(line)?.[0].length ?? 0) > indent
  while (last + 1 < lines.length && isInside(lines[last + 1] as string)) last++
  const text = lines.slice(at + 1, last + 1).map((line) => line.trim())
  return { text: text.join('\n').trim(), last }
}

function valueParts(name: string, written: string): Part[] {
  const value = unquoted(written.trim())
  if (value === '') return []
  const flow = /^[[{](.*)[\]}]$/.exec(value)?.[1]
  if (flow === undefined) return [{ name, value }]
  return (
    jsonParts(value) ??
    flow.split(',').map((member) => {
      const pair = /^\s*["']?([\w.-]+)["']?\s*:\s+(.*)$/.exec(member)
      return { name: pair?.[1] ?? name, value: unquoted((pair?.[2] ?? member).trim()) }
    })
  )
}

function unquoted(text: string): string {
  const quoted = /^(["'])(.*)\1(?:\s+#.*)?$/.exec(text)
  if (quoted === null) return text.replace(/\s+#.*$/, '')
  const inner = quoted[2] ?? ''
  return quoted[1] === '"' ? inner.replaceAll(/\\(["\\n])/g, (_, c: string) => (c === 'n' ? '\n' : c)) : inner
}

/** `Server=db;User Id=app;Password=…`, `host=db user=app password=…`, `machine h login u password p`. */
function pairParts(text: string): Part[] | undefined {
  if (/^\s*machine\s+\S+\s/.test(text) || /^\s*default\s+login\s/.test(text)) {
    return [...text.matchAll(/\b(login|password|account)\s+(\S+)/g)].map(([, name = '', value = '']) => ({
      name,
      value,
    }))
  }
  const separated = text
    .split(';')
    .map((pair) => /^\s*([A-Za-z][\w .-]{0,63}?)\s{0,8}=(.*)$/s.exec(pair))
    .filter((match) => match !== null)
  if (separated.length > 1) return pairs(separated)
  const blank = [...text.matchAll(/(?<![\w.-])([A-Za-z][\w.-]{0,63})=('(?:[^'\\]|\\.)*'|\S+)/g)]
  if (blank.length < 2 || !/^\s*[A-Za-z][\w.-]*=/.test(text)) return undefined
  return pairs(blank)
}

function pairs(matches: readonly RegExpExecArray[]): Part[] {
  return matches.map(([, name = '', value = '']) => ({
    name: name.replaceAll(' ', '_'),
    value: unquoted(value),
  }))
}

/** `a,b,c` and its kin: two or more members without blanks. */
export function membersOf(value: string): string[] {
  const members = value.split(/[\s,;|]+/).filter((member) => member !== '')
  return members.length > 1 && members.every((member) => member.length >= 6) ? members : []
}

/** The text that a value is the base64 of, or undefined: what decodes to bytes that are no text is no encoding of one. */
export function decodedText(value: string): string | undefined {
  const packed = value.replaceAll(/\s+/g, '')
  if (packed.length < 8 || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(packed)) return undefined
  const bytes = Buffer.from(packed, 'base64')
  const canonical = bytes.toString(/[_-]/.test(packed) ? 'base64url' : 'base64').replaceAll('=', '')
  if (canonical !== packed.replaceAll('=', '')) return undefined
  const text = bytes.toString('utf8')
  if (!Buffer.from(text).equals(bytes)) return undefined
  return /^[\t\n\r\x20-\x7e\u00a0-\uffff]+$/.test(text) ? text : undefined
}

const publicBlock = /CERTIFICATE|PUBLIC KEY|PARAMETERS|SIGNATURE|SIGNED MESSAGE|X509 CRL/

/** The blocks of PEM that are secret; certificates and public keys are not. Undefined when there is none of either. */
export function secretBlocks(value: string): string[] | undefined {
  if (!value.includes('-----BEGIN ')) return undefined
  const text = value.includes('\n') ? value : value.replaceAll('\\r', '').replaceAll('\\n', '\n')
  const blocks = text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^]*?(?:-----END \1-----|$)/g)
  return [...blocks].filter(([, kind = '']) => !publicBlock.test(kind)).map(([block]) => block)
}
