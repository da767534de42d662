/** A database’s or schema’s name as grants have it: other characters than these are written as the bytes of their UTF-8, `%C3%A4`. */
export function nameInGrant(name: string): string {
  return [...Buffer.from(name)]
    .map((byte) => {
      const char = String.fromCharCode(byte)
      return /[A-Za-z0-9_.$-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}
