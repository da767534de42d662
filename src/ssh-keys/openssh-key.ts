import { createPrivateKey, randomBytes, type webcrypto, type KeyObject } from 'node:crypto'
import { MayflyError } from '../lib/index.ts'
import { Reader, mpint, text, u32 } from './wire.ts'

/** OpenSSH’s own form of a private key (PROTOCOL.key), one key, without a passphrase. */
const magic = Buffer.from('openssh-key-v1\0')
const begin = '-----BEGIN OPENSSH PRIVATE KEY-----'
const end = '-----END OPENSSH PRIVATE KEY-----'

export function isOpensshKey(pem: string): boolean {
  return pem.startsWith(begin)
}

/** Throws `bad_input`; what it says has none of the key. */
export function readOpensshKey(pem: string): KeyObject {
  const body = pem.slice(begin.length, pem.indexOf(end)).replaceAll(/\s/g, '')
  const reader = new Reader(Buffer.from(body, 'base64'))
  if (!reader.take(magic.length).equals(magic)) throw new MayflyError('bad_input', 'it is no OpenSSH key')
  if (reader.text().toString() !== 'none') throw new MayflyError('bad_input', hasPassphrase)
  reader.text()
  reader.text()
  if (reader.u32() !== 1) throw new MayflyError('bad_input', 'it is not one key')
  reader.text()
  const inner = new Reader(reader.text())
  if (inner.u32() !== inner.u32()) throw new MayflyError('bad_input', 'it is damaged')
  return createPrivateKey({ key: jwkIn(inner), format: 'jwk' })
}

export const hasPassphrase =
  'it has a passphrase, which nobody is there to type: take it off (ssh-keygen -p -N "" -f KEY), since the vault seals the key'

function jwkIn(inner: Reader): webcrypto.JsonWebKey {
  const type = inner.text().toString()
  const next = () => number(inner.text())
  if (type === 'ssh-ed25519') {
    const x = inner.text()
    return { kty: 'OKP', crv: 'Ed25519', x: url(x), d: url(inner.text().subarray(0, 32)) }
  }
  const curve = curves.find(({ name }) => type === `ecdsa-sha2-${name}`)
  if (curve !== undefined) {
    inner.text()
    const [, ...point] = inner.text()
    const half = (from: number) => url(Buffer.from(point.slice(from, from + curve.bytes)))
    return { kty: 'EC', crv: curve.crv, x: half(0), y: half(curve.bytes), d: url(sized(next(), curve.bytes)) }
  }
  if (type !== 'ssh-rsa')
    throw new MayflyError('bad_input', `it is of the type ${type.slice(0, 60)}: use Ed25519, ECDSA or RSA`)
  const [n, e, d, iqmp, p, q] = [next(), next(), next(), next(), next(), next()]
  const part = (prime: bigint) => url(bytesOf(d % (prime - 1n)))
  return {
    ...{ kty: 'RSA', n: url(bytesOf(n)), e: url(bytesOf(e)), d: url(bytesOf(d)) },
    ...{ p: url(bytesOf(p)), q: url(bytesOf(q)), dp: part(p), dq: part(q), qi: url(bytesOf(iqmp)) },
  }
}

/** SSH’s name of a curve, and JOSE’s. */
export const curves = [
  { name: 'nistp256', crv: 'P-256', hash: 'sha256', bytes: 32 },
  { name: 'nistp384', crv: 'P-384', hash: 'sha384', bytes: 48 },
  { name: 'nistp521', crv: 'P-521', hash: 'sha512', bytes: 66 },
] as const

function number(bytes: Buffer): bigint {
  return BigInt(`0x0${bytes.toString('hex')}`)
}

function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
}

function sized(value: bigint, bytes: number): Buffer {
  return Buffer.from(
    value
      .toString(16)
      .padStart(2 * bytes, '0')
      .slice(-2 * bytes),
    'hex',
  )
}

function url(bytes: Buffer): string {
  return bytes.toString('base64url')
}

/** An Ed25519 key of 32 bytes, as ssh takes it from a file. */
export function writeOpensshKey(publicKey: Buffer, seed: Buffer, comment: string): string {
  const check = randomBytes(4)
  const type = text('ssh-ed25519')
  const inner = Buffer.concat([
    check,
    check,
    type,
    text(publicKey),
    text(Buffer.concat([seed, publicKey])),
    text(comment),
  ])
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, (8 - (inner.length % 8)) % 8)
  const blob = Buffer.concat([
    ...[magic, text('none'), text('none'), text(''), u32(1)],
    ...[text(Buffer.concat([type, text(publicKey)])), text(Buffer.concat([inner, padding]))],
  ])
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? []
  return [begin, ...lines, end, ''].join('\n')
}

/** What of a private key is public, as SSH writes it. */
export function publicBlob(jwk: webcrypto.JsonWebKey): Buffer {
  const part = (value: string | undefined) => Buffer.from(value ?? '', 'base64url')
  if (jwk.kty === 'OKP') return Buffer.concat([text('ssh-ed25519'), text(part(jwk.x))])
  if (jwk.kty === 'RSA') return Buffer.concat([text('ssh-rsa'), mpint(part(jwk.e)), mpint(part(jwk.n))])
  const name = curves.find(({ crv }) => crv === jwk.crv)?.name ?? ''
  const point = Buffer.concat([Buffer.from([4]), part(jwk.x), part(jwk.y)])
  return Buffer.concat([text(`ecdsa-sha2-${name}`), text(name), text(point)])
}
