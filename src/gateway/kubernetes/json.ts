/** Go’s own reader stops at ten thousand; nothing that Kubernetes has is a hundred deep. */
const maxDepth = 1_000
/** Objects of hundreds of thousands of keys take seconds to go through. */
const maxKeys = 20_000

/** A body in JSON in which each key stands once: of two Go merges what they hold, and others take the last. Undefined for any other. */
export function readJson(body: Buffer): unknown {
  const text = body.toString('utf8')
  // Before it is parsed: what is deeply nested takes long to parse, and longer to go through.
  if (!isKeyedOnce(text)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function readObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  const json = readJson(body)
  return isObject(json) ? json : undefined
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const [quote, backslash, colon, open, close, openList, closeList] = [0x22, 0x5c, 0x3a, 0x7b, 0x7d, 0x5b, 0x5d]

/** One pass, whatever is written; what is no JSON its parser refuses afterwards. */
function isKeyedOnce(text: string): boolean {
  const within: (Set<string> | undefined)[] = []
  let last: string | undefined
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) {
      const end = endOfText(text, at)
      last = text.slice(at, end + 1)
      at = end
    } else if (code === colon) {
      const key = keyOf(last)
      const keys = within.at(-1)
      if (key === undefined || keys === undefined || keys.has(key)) return false
      if (keys.add(key).size > maxKeys) return false
    } else if (code === open || code === openList) {
      if (within.push(code === open ? new Set() : undefined) > maxDepth) return false
    } else if (code === close || code === closeList) within.pop()
  }
  return true
}

/** Where the text ends that begins there; the end of all, if it does not. */
function endOfText(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === backslash) at++
    else if (code === quote) return at
  }
  return text.length
}

function keyOf(written: string | undefined): string | undefined {
  if (written === undefined) return undefined
  if (!written.includes('\\')) return written.slice(1, -1)
  try {
    return JSON.parse(written) as string
  } catch {
    return undefined
  }
}
