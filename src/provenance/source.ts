/** Where a file was made, as the certificate says that its build signed with (github.com/sigstore/fulcio, docs/oid-info.md). */
export interface Source {
  /** The CI, by its OIDC issuer. */
  readonly issuer: string
  /** Address of the repository; where the certificate names none, who signed (an address of e-mail, for one). */
  readonly repository: string
  /** The issuer's own id of it, which stays when it is renamed. */
  readonly repositoryId?: string
  /** The workflow that signed, without the ref. */
  readonly builder: string
  readonly commit?: string
}

/** An extension of a certificate, by its OID. */
export interface Extension {
  readonly oid: string
  readonly value: Buffer
}

const arc = '1.3.6.1.4.1.57264.1.'
/** So much of each is kept and recorded. */
const maxChars = 500

/** Undefined if the certificate does not say who signed. */
export function sourceOf(signer: string | undefined, extensions: readonly Extension[]): Source | undefined {
  const text = (number: number) => {
    const value = extensions.find(({ oid }) => oid === `${arc}${number}`)?.value
    return value === undefined ? undefined : utf8String(value)
  }
  const issuer = text(8)
  if (issuer === undefined || signer === undefined || signer === '') return undefined
  // Behind the first @ of an address stands the ref, which may have more of them; one of e-mail has no ref.
  const builder = (text(9) ?? signer).replace(/^(https:\/\/[^@]+)@.*$/s, '$1')
  const [repositoryId, commit] = [text(15), text(13)]
  return {
    issuer,
    repository: (text(12) ?? signer).slice(0, maxChars),
    builder: builder.slice(0, maxChars),
    ...(repositoryId === undefined ? {} : { repositoryId }),
    ...(commit === undefined ? {} : { commit }),
  }
}

/** DER of a UTF8String, whose length stands in one byte or in two behind `0x81`, `0x82`. */
function utf8String(der: Buffer): string | undefined {
  const [tag, first = 0x80] = der
  const lengthBytes = first < 0x80 ? 0 : first - 0x80
  if (tag !== 0x0c || lengthBytes > 2 || (first === 0x80 && der.length > 1)) return undefined
  const start = 2 + lengthBytes
  const length = lengthBytes === 0 ? first : der.subarray(2, start).reduce((sum, byte) => sum * 256 + byte, 0)
  if (der.length !== start + length) return undefined
  const text = der.toString('utf8', start)
  return text === '' || text.length > maxChars || /\p{Cc}/u.test(text) ? undefined : text
}

/** Whether both are of the same repository; by the issuer's id where both have one. */
export function isSameSource(
  one: Pick<Source, 'issuer' | 'repository' | 'repositoryId'>,
  other: Pick<Source, 'issuer' | 'repository' | 'repositoryId'>,
): boolean {
  if (one.issuer !== other.issuer) return false
  return one.repositoryId !== undefined && other.repositoryId !== undefined
    ? one.repositoryId === other.repositoryId
    : one.repository.toLowerCase() === other.repository.toLowerCase()
}
