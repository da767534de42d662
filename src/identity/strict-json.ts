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
    const ambiguity = findAmbiguity(text)
    if (ambiguity !== undefined) return { ok: false, detail: ambiguity }
    return { ok: true, value: value as Record<string, unknown> }
  } catch {
    // What the parser says would repeat a part of the token.
    return { ok: false, detail: 'it is no JSON in UTF-8' }
  }
}

/** Of a text that is JSON already: there, a string before a colon is a name, and nothing else is. */
function findAmbiguity(text: string): string | undefined {
  const names: Set<string>[] = []
  for (const [token, string, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') {
      if (names.push(new Set()) > maxDepth) return `it is nested deeper than ${maxDepth}`
    } else if (token === '}' || token === ']') {
      names.pop()
    } else if (string !== undefined && colon !== undefined) {
      // Compared as it is read: "\u0061ud" is "aud".
      const name = string.includes('\\') ? (JSON.parse(string) as string) : string.slice(1, -1)
      const here = names.at(-1)
      if (here?.has(name) === true) return `the name ${JSON.stringify(name).slice(0, 80)} is there twice`
      here?.add(name)
    }
  }
  return undefined
}
