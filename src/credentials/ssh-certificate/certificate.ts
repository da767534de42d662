import { randomBytes } from 'node:crypto'
import type { Authority } from './authority.ts'
import { text, u32, u64 } from '../../ssh-keys/index.ts'

export interface CertificateContent {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Buffer
  readonly serial: bigint
  readonly keyId: string
  /** None would be everybody: there is at least one. */
  readonly principals: readonly [string, ...string[]]
  readonly validAfterSeconds: number
  readonly validBeforeSeconds: number
  /** By name; sshd refuses one that it does not know. */
  readonly criticalOptions: Readonly<Record<string, string>>
  readonly extensions: readonly string[]
}

const type = 'ssh-ed25519-cert-v01@openssh.com'
const userCertificate = 1

/** A user certificate as a line of a `-cert.pub` file (OpenSSH, PROTOCOL.certkeys). */
export function signCertificate(content: CertificateContent, authority: Authority, comment: string): string {
  const { publicKey, serial, keyId, principals } = content
  // Names are in lexical order, each once.
  const options = Object.entries(content.criticalOptions).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const extensions = [...new Set(content.extensions)].toSorted()
  const signed = Buffer.concat([
    text(type),
    text(randomBytes(32)),
    text(publicKey),
    u64(serial),
    u32(userCertificate),
    text(keyId),
    text(Buffer.concat(principals.map((one) => text(one)))),
    u64(BigInt(content.validAfterSeconds)),
    u64(BigInt(content.validBeforeSeconds)),
    text(Buffer.concat(options.flatMap(([name, value]) => [text(name), text(text(value))]))),
    text(Buffer.concat(extensions.flatMap((name) => [text(name), text('')]))),
    text(''),
    text(authority.publicKey),
  ])
  const blob = Buffer.concat([signed, text(authority.sign(signed))])
  return `${type} ${blob.toString('base64')} ${comment}`
}
