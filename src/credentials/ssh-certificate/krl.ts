import { serialOf } from './serial.ts'
import { text, u32, u64 } from '../../ssh-keys/index.ts'

const magic = Buffer.from('SSHKRL\n\0')
const formatVersion = 1
const sectionCertificates = 1
const sectionSerialList = 0x20

/**
 * A key revocation list as sshd reads it (`RevokedKeys`; OpenSSH, PROTOCOL.krl). It names serials of any CA: they are
 * random numbers of 64 bits, and whoever rotates its CA’s key keeps the list. Its version is the time, in milliseconds.
 */
export function krlOf(leases: readonly string[], atMs: number): Buffer {
  const serials = leases.map(serialOf).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const head = [
    ...[magic, u32(formatVersion), u64(BigInt(atMs)), u64(BigInt(Math.floor(atMs / 1000)))],
    ...[u64(0n), text(''), text('Mayfly')],
  ]
  if (serials.length === 0) return Buffer.concat(head)
  const list = Buffer.concat([...new Set(serials)].map(u64))
  const section = [text(''), text(''), Buffer.from([sectionSerialList]), text(list)]
  return Buffer.concat([...head, Buffer.from([sectionCertificates]), text(Buffer.concat(section))])
}
