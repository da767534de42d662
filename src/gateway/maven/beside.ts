/** Hex digits of a checksum, by how its file is called. */
const digits: Readonly<Record<string, number>> = { md5: 32, sha1: 40, sha256: 64, sha512: 128 }
/** Those of a few lines: a file behind them would be one that nobody attested. */
const [maxChecksumBytes, maxSignatureBytes, maxMetadataBytes] = [1_024, 65_536, 1_048_576]

/** Why what is deployed beside files, and is no file of its own, is not what its name says. */
export function wrongBeside(path: string, body: Buffer): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const wrong = (what: string) => `${name} is no ${what}`
  const algorithm = /\.(md5|sha1|sha256|sha512)$/.exec(name)?.[1] ?? ''
  const length = digits[algorithm]
  const isSignature = name.endsWith('.asc')
  const most = length === undefined ? (isSignature ? maxSignatureBytes : maxMetadataBytes) : maxChecksumBytes
  // Before anything looks for a form in it, which takes long in a body of any length.
  if (body.length > most) return `${name} has more than ${most} bytes`
  const text = body.toString('latin1')
  if (length !== undefined) {
    const written = /^\s*([0-9a-f]+)(?:\s[\x20-\x7e\s]*)?$/i.exec(text)?.[1]
    return written?.length === length ? undefined : wrong(`checksum by ${algorithm}`)
  }
  if (isSignature)
    return /^-----BEGIN PGP SIGNATURE-----\r?\n[\x20-\x7e\r\n]*-----END PGP SIGNATURE-----\s*$/.test(text)
      ? undefined
      : wrong('signature by PGP')
  if (/\.sigstore(?:\.json)?$/.test(name)) return isJson(body) ? undefined : wrong('bundle of Sigstore')
  return /^(?:\xef\xbb\xbf)?\s*<(?:\?xml|metadata)[\s/>]/.test(text)
    ? undefined
    : wrong('list of versions in XML')
}

function isJson(body: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}
