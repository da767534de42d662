/** Blocks of base64 with headers, as OpenSSH and PEM (RFC 7468) have them. */
const block =
  /^(?:-----BEGIN [A-Z0-9 ]{1,60}-----\n(?:(?!-----)[A-Za-z0-9+/=:,. -]{0,200}\n)*-----END [A-Z0-9 ]{1,60}-----\n?)+$/

/** No white space, quote, bracket or sign by which any file of settings begins something else. */
const token = /^[A-Za-z0-9._~+/=@%^*!,?-]+$/

/**
 * A value as it stands in a text of a file, or why it cannot: what an issuer gave is to stay one value, and to begin no setting of its
 * own. JSON is quoted and `.pgpass` escaped (libpq, "The Password File"); elsewhere it is one plain word. A key of several lines is a
 * whole file, since its headers would be settings.
 */
export function valueInFile(path: string, text: string, value: string): { value: string } | { why: string } {
  if (path.endsWith('.json')) return { value: JSON.stringify(value).slice(1, -1) }
  if (isWhole(text)) return { value }
  if (isBlock(value)) return { why: 'has several lines: give it a file of its own, that has nothing else' }
  if (/(?:^|\/)\.?pgpass$/.test(path)) return { value: value.replaceAll(/[\\:]/g, '\\$&') }
  if (token.test(value)) return { value }
  return {
    why: 'has characters that could begin another setting there: deliver it in a .json file, a file of its own, or by env',
  }
}

/** In a variable nothing follows that could be read as another one; of several lines only where there is nothing else. */
export function valueInVariable(text: string, value: string): { value: string } | { why: string } {
  if (isWhole(text) || !isBlock(value)) return { value }
  return { why: 'has several lines: give it a variable or a file of its own' }
}

export function isBlock(value: string): boolean {
  return block.test(value.replaceAll('\r\n', '\n'))
}

/** Is there nothing else in the text? */
function isWhole(text: string): boolean {
  return /^\{[a-z][a-z0-9_]*\}\n?$/.test(text)
}
