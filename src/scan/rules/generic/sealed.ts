/** 1,024 bytes of RSA, in base64, and what is sealed by them in part. */
const mostCharacters = 2_048
const [lengthBytes, tagBytes] = [2, 16]

/**
 * Encrypted for one cluster, to be committed: a value of a SealedSecret (bitnami-labs/sealed-secrets, pkg/crypto/crypto.go). Two bytes say how
 * long the key is behind them, which RSA has encrypted; then comes what AES-GCM has, with its tag. `at` is where the value begins.
 */
export function isSealed(bytes: Buffer, at: number): boolean {
  const [text = ''] = /^[A-Za-z0-9+/]*={0,2}/.exec(bytes.toString('latin1', at, at + mostCharacters)) ?? []
  const sealed = Buffer.from(text, 'base64')
  if (sealed.length < lengthBytes) return false
  const keyBytes = sealed.readUInt16BE(0)
  // Of 2,048 bits up to 8,192.
  return (
    keyBytes >= 256 &&
    keyBytes <= 1_024 &&
    keyBytes % 64 === 0 &&
    sealed.length > lengthBytes + keyBytes + tagBytes
  )
}
