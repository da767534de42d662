const encoder = new TextEncoder()
const decoder = new TextDecoder()
const exactDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** The text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

/** The text of UTF-8 bytes as they are, a byte order mark included; `undefined` for bytes that are not UTF-8. */
export function exactTextOf(bytes: Uint8Array): string | undefined {
  try {
    return exactDecoder.decode(bytes)
  } catch {
    return undefined
  }
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * The bytes of canonical standard base64 (RFC 4648, section 4), or `undefined`. White space and stray bits at the
 * end would make many texts one value: a signature could be changed without being broken.
 */
export function parseBase64(text: string): Uint8Array | undefined {
  try {
    const bytes = Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' })
    return bytes.toBase64() === text ? bytes : undefined
  } catch {
    return undefined
  }
}
