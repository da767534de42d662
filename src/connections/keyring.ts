import type { ConnectionConfig } from '../config/index.ts'
import { kindNamed } from '../kinds/index.ts'

const block =
  /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n((?:(?!-----)[^])+)-----END PGP PUBLIC KEY BLOCK-----/g

/** The keys that an archive signs with, as packets; what is wrong with them. Undefined for a kind that signs nothing. */
export function compileKeyring({ kind, keyring }: ConnectionConfig): Buffer | string | undefined {
  if (kindNamed(kind).signed !== true) return undefined
  if (keyring === undefined)
    return 'say which keys its archive is signed with (keyring), such as /usr/share/keyrings/debian-archive-keyring.gpg'
  const packets = [...keyring.matchAll(block)].map(([, inner = '']) => unarmoured(inner))
  const [first] = packets
  if (first === undefined || packets.some((one) => one.length === 0))
    return 'keyring is neither OpenPGP public keys (gpg --armor --export) nor the path of a .asc, .gpg or .pgp file, seen from mayfly.yaml'
  return Buffer.concat(packets)
}

/** RFC 9580, section 6.2: headers, an empty line, base64, and a checksum behind `=`, of which nothing is expected. */
function unarmoured(inner: string): Buffer {
  const lines = inner.split(/\r?\n/)
  const begin = lines.findIndex((line) => line.trim() === '')
  const data = lines.slice(begin + 1).filter((line) => !line.startsWith('='))
  const text = data.join('').replaceAll(/\s/g, '')
  return begin >= 0 && /^[A-Za-z0-9+/]+=*$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
}
