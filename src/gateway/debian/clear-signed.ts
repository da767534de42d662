const begin = '-----BEGIN PGP SIGNED MESSAGE-----'
const beginSignature = '-----BEGIN PGP SIGNATURE-----'
const endSignature = '-----END PGP SIGNATURE-----'

export interface ClearSigned {
  /** What the signature is of, without escapes and without white space at the ends of lines; a byte is a character. */
  readonly text: string
  /** In its armour. */
  readonly signature: string
}

/**
 * The one message that a file in the form of InRelease is (RFC 9580, section 7), or undefined. What stands in front of it, behind
 * it or between its parts is signed by nobody: a file that has any such thing is refused, where others pass over it.
 */
export function splitClearSigned(bytes: Buffer): ClearSigned | undefined {
  const all = bytes.toString('latin1')
  if (all.includes('\0')) return undefined
  const lines = all.split('\n').map(withoutEnd)
  if (lines[0] !== begin) return undefined
  const blank = lines.indexOf('')
  if (blank < 1 || lines.slice(1, blank).some((line) => !/^Hash: [A-Za-z0-9, -]{1,200}$/.test(line)))
    return undefined
  const from = lines.findIndex((line, i) => i > blank && line.startsWith('-') && !line.startsWith('- '))
  const to = lines.indexOf(endSignature, from)
  if (from === -1 || to === -1 || lines[from] !== beginSignature) return undefined
  if (lines.slice(to + 1).some((line) => line !== '')) return undefined
  if (lines.slice(from + 1, to).some((line) => !/^[A-Za-z0-9+/=]{0,100}$|^[A-Za-z]+: /.test(line)))
    return undefined
  return {
    text: lines
      .slice(blank + 1, from)
      .map((line) => (line.startsWith('- ') ? line.slice(2) : line))
      .join('\n'),
    signature: `${lines.slice(from, to + 1).join('\n')}\n`,
  }
}

/** Without the white space at its end; read once, since a line may be megabytes of it. */
function withoutEnd(line: string): string {
  let end = line.length
  while (end > 0 && ' \t\r'.includes(line.charAt(end - 1))) end--
  return line.slice(0, end)
}
