/** Does the whole text match one of these? `*` stands for any run of characters, everything else for itself. */
export function matchesOne(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matches(pattern.split('*'), text))
}

// Each part is sought once from the left, so no text makes it slow.
function matches(parts: readonly string[], text: string): boolean {
  const [head = '', ...rest] = parts
  if (rest.length === 0) return text === head
  const tail = rest.pop() ?? ''
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false
  const end = text.length - tail.length
  let from = head.length
  for (const part of rest) {
    const at = text.indexOf(part, from)
    if (at === -1 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}
