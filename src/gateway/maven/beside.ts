/** Hex digits of a checksum, by how its file is called. */
const digits: Readonly<Record<string, number>> = { md5: 32, sha1: 40, sha256: 64, sha512: 128 }
/** Those of a few lines: a file behind them would be one that nobody attested. */
const [maxChecksumBytes, maxSignatureBytes, maxMetadataBytes] = [1_024, 65_536, 1_048_576]

/** Why what is deployed beside files, and is no file of its own, is not what its name says. */
export function wrongBeside(path: string, body: Buffer): string | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const text = body.toString('latin1')
  const wrong = (what: string) => `${name} is no ${what}`
  const algorithm = /\.(md5|sha1|sha256|sha512)$/.exec(name)?.[1] ?? ''
  const length = digits[algorithm]
  if (length !== undefined) {
    const written = /^\s*([0-9a-f]+)(?:\s[\x20-\x7e\s]*)?$/i.exec(text)?.[1]
    return written?.length === length && body.length <= maxChecksumBytes
      ? undefined
      : wrong(`checksum by ${algorithm}`)
  }
  if (name.endsWith('.asc')) {
    const isSignature =
      /^-----BEGIN PGP SIGNATURE-----\r?\n[\x20-\x7e\r\n]*-----END PGP SIGNATURE-----\s*$/.test(text)
    return isSignature && body.length <= maxSignatureBytes ? undefined : wrong('signature by PGP')
  }
  if (body.length > maxMetadataBytes) return `${name} has more than ${maxMetadataBytes} bytes`
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
