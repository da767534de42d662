import { readDer, tags, type DerNode } from '../../../der/index.ts'
import { doubtful, failed, type Verdict } from './verdict.ts'

/** An RSA key of 16,384 bits has 13 kB. */
const maxLength = 65_536

/**
 * What stands between the lines of a PEM file (RFC 7468), or its base64 as it stands in code: with `\n`, quotes and plus signs
 * between the lines.
 */
export function pemBytes(body: string): Buffer {
  const plain = body
    .slice(0, maxLength)
    .replaceAll(/-----[A-Z ]{1,40}-----/g, '')
    .replaceAll(/\\[nrt]/g, '')
  return Buffer.from(plain.replaceAll(/[^A-Za-z0-9+/]/g, ''), 'base64')
}

/** A private key in DER: PKCS#1 (RFC 8017), PKCS#8 (RFC 5958), SEC 1 (RFC 5915), or DSA's six numbers. */
export function checkPem(secret: string): Verdict {
  const bytes = pemBytes(secret)
  const length = sequenceLength(bytes)
  if (length === undefined) return failed
  if (length > bytes.length) return { verdict: 'doubtful', note: 'cut off' }
  try {
    const parts = readDer(bytes.subarray(0, length)).children()
    const kind = kindOf(parts)
    return kind === undefined ? failed : { verdict: 'held', note: kind }
  } catch {
    return failed
  }
}

/** Head and content. Undefined if it begins with no SEQUENCE of a length that DER writes in at most three bytes. */
function sequenceLength(bytes: Buffer): number | undefined {
  const [tag, first = 0] = bytes
  if (tag !== tags.sequence) return undefined
  if (first < 0x80) return first + 2
  const count = first & 0x7f
  if (count === 0 || count > 3 || bytes.length < 2 + count) return undefined
  return bytes.readUIntBE(2, count) + 2 + count
}

function kindOf(parts: readonly DerNode[]): string | undefined {
  const shape = parts.map(({ tag }) => tag)
  const starts = (...wanted: readonly number[]) => wanted.every((tag, at) => shape[at] === tag)
  if (starts(tags.integer, tags.sequence, tags.octets)) return 'not encrypted'
  if (starts(tags.sequence, tags.octets) && shape.length === 2) return 'under a passphrase'
  if (starts(tags.integer, tags.octets)) return 'not encrypted'
  if (shape.length >= 6 && shape.slice(0, 6).every((tag) => tag === tags.integer)) return 'not encrypted'
  return undefined
}

/** A PEM file that is in base64 as a whole, as Kubernetes and environment variables have it. */
export function checkPemInBase64(secret: string): Verdict {
  const text = pemBytes(secret).toString('latin1')
  const body = /^-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----([^-]{0,65536})/.exec(text)?.[1]
  if (body === undefined) return failed
  if (text.includes('BEGIN OPENSSH')) return checkOpenssh(body)
  if (body.includes('ENCRYPTED')) return { verdict: 'doubtful', note: 'under a passphrase' }
  return checkPem(body)
}

const magic = 'openssh-key-v1\0'

/** openssh-portable, PROTOCOL.key: magic, cipher, KDF, its options, number of keys, public key, private part. */
export function checkOpenssh(secret: string): Verdict {
  const bytes = pemBytes(secret)
  if (bytes.toString('latin1', 0, magic.length) !== magic) return failed
  const cipher = stringAt(bytes, magic.length)
  const kdf = stringAt(bytes, cipher?.end)
  const options = stringAt(bytes, kdf?.end)
  const publicKey = stringAt(bytes, options && options.end + 4)
  const privatePart = stringAt(bytes, publicKey?.end)
  const note = cipher?.text === 'none' ? 'not encrypted' : 'under a passphrase'
  if (cipher === undefined) return failed
  return privatePart === undefined ? { ...doubtful, note: `${note}, cut off` } : { verdict: 'held', note }
}

function stringAt(bytes: Buffer, at: number | undefined): { text: string; end: number } | undefined {
  if (at === undefined || at + 4 > bytes.length) return undefined
  const end = at + 4 + bytes.readUInt32BE(at)
  return end > bytes.length ? undefined : { text: bytes.toString('latin1', at + 4, end), end }
}
