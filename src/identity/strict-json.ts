/** Containers within containers. Real tokens have three. */
const maxDepth = 16

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export type StrictJson =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly detail: string }

/**
 * Parses a JSON object that can be read in one way only: UTF-8 without a byte order mark, no name twice in an object
 * (RFC 8259, section 4, leaves open which one counts, and another reader may take the other), no deep nesting.
 */
export function parseStrictJson(bytes: Uint8Array): StrictJson {
  try {
    const text = utf8.decode(bytes)
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { ok: false, detail: 'it is no JSON object' }
    const written = measure(text)
    if (written.depth > maxDepth) return { ok: false, detail: `it is nested deeper than ${maxDepth}` }
    // `JSON.parse` keeps the last of two members of one name: there are fewer then than were written.
    if (written.names !== countNames(value)) return { ok: false, detail: 'a name in it is there twice' }
    return { ok: true, value: value as Record<string, unknown> }
  } catch {
    // What the parser says would repeat a part of the token.
    return { ok: false, detail: 'it is no JSON in UTF-8' }
  }
}

/** Of a text that is JSON already: there, a colon outside of a string follows a name, and nothing else does. */
function measure(text: string): { names: number; depth: number } {
  let names = 0
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '"') at = endOfString(text, at)
    else if (char === ':') names++
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth)
    else if (char === '}' || char === ']') depth--
  }
  return { names, depth: deepest }
}

/** Where the string that begins here has its closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at
}

function countNames(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const inner: unknown[] = Object.values(value)
  return inner.reduce<number>((sum, one) => sum + countNames(one), Array.isArray(value) ? 0 : inner.length)
}
