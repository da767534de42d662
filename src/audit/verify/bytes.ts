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

/** Node before 25 and browsers before 2025 have none of these; where they are, they are much faster. */
type Older = Partial<Pick<Uint8Array, 'toHex' | 'toBase64'>>

export function hexOf(bytes: Uint8Array): string {
  const native = (bytes as Older).toHex?.()
  return native ?? Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Of a text that is known to be hex. */
export function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16))
}

export function base64Of(bytes: Uint8Array): string {
  const native = (bytes as Older).toBase64?.()
  if (native !== undefined) return native
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/**
 * The bytes of canonical standard base64 (RFC 4648, section 4), or `undefined`. White space and stray bits at the
 * end would make many texts one value: a signature could be changed without being broken.
 */
export function parseBase64(text: string): Uint8Array | undefined {
  try {
    const bytes = decodedBase64(text)
    return base64Of(bytes) === text ? bytes : undefined
  } catch {
    return undefined
  }
}

/** What is not canonical is found by who encodes it again. */
function decodedBase64(text: string): Uint8Array {
  const native = (Uint8Array as Partial<Pick<typeof Uint8Array, 'fromBase64'>>).fromBase64?.(text, {
    lastChunkHandling: 'strict',
  })
  return native ?? Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
