/**
 * Bounds that Cedar text meets before Cedar does. Its WASM build recurses over what it has parsed: from some hundred
 * levels on it runs out of its stack, and then no call into it works any more, decisions included. Seen with
 * cedar-wasm 4.13: 150 nested brackets, or a chain of 400 operators.
 */
const maxDepth = 24
const maxOperators = 80
const maxPolicyChars = 16_384
const maxPolicies = 200

/** What is beyond them, and where, counted in characters from the start; undefined if nothing is. */
export function beyondBounds(text: string): { offset: number; message: string } | undefined {
  // Blanked, so that offsets stay: what stands in strings and comments is not parsed.
  const code = text.replaceAll(/"(?:[^"\\]|\\[^])*"|\/\/[^\n\r]*/g, (match) => ' '.repeat(match.length))
  let depth = 0
  let operators = 0
  let policies = 0
  let startOffset = 0
  for (const { 0: token, index } of code.matchAll(/[([{]|[)\]}]|;|&&|\|\||[-+*!]|\b(?:if|when|unless)\b/g)) {
    const fail = (message: string) => ({ offset: index, message })
    if (index - startOffset > maxPolicyChars) return fail(`over ${maxPolicyChars} characters in one policy`)
    if (token === ';') {
      operators = 0
      startOffset = index
      policies += 1
      if (policies > maxPolicies) return fail(`over ${maxPolicies} policies in one file`)
    } else if ('([{'.includes(token)) depth += 1
    else if (')]}'.includes(token)) depth -= 1
    else operators += 1
    if (depth > maxDepth) return fail(`brackets nested over ${maxDepth} deep`)
    if (operators > maxOperators) return fail(`over ${maxOperators} operators in one policy: split it`)
  }
  const isLong = text.length - startOffset > maxPolicyChars
  return isLong
    ? { offset: startOffset, message: `over ${maxPolicyChars} characters in one policy` }
    : undefined
}
