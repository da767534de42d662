/** A body in JSON that is an object, or why it is not read. A name that stands twice is refused: which of the two counts the host decides. */
export function readPlainJson(body: Buffer): Readonly<Record<string, unknown>> | string {
  const text = body.toString('utf8')
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return 'its body is no JSON'
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return 'its body is no JSON object'
  if (text.includes('\uFFFD') || namesWritten(text) !== namesIn(document))
    return 'a name stands twice in its body'
  return document as Readonly<Record<string, unknown>>
}

function namesWritten(text: string): number {
  // Strings are taken whole, so a colon within one is none.
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/gs)].filter(([, colon]) => colon !== undefined).length
}

function namesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const values: unknown[] = Object.values(value)
  return (
    (Array.isArray(value) ? 0 : values.length) + values.reduce<number>((sum, one) => sum + namesIn(one), 0)
  )
}
