import { der } from '../../der/index.ts'
import { randomBytesOf, type Filler } from './filling.ts'

/** As long as an integer of a key of so many bytes is: the highest bit set, and odd. */
function number(bytes: number, random: () => number): Buffer {
  const all = randomBytesOf(bytes, random)
  all[0] = (all[0] ?? 0) | 0x80
  return der.integer(all)
}

function rsa(random: () => number): Buffer {
  const half = () => number(64, random)
  return der.sequence(
    ...[der.integer(0), number(128, random), der.integer(65_537), number(128, random)],
    ...[half(), half(), half(), half(), half()],
  )
}

function ec(random: () => number): Buffer {
  return der.sequence(
    der.integer(1),
    der.octets(randomBytesOf(32, random)),
    der.context(0, der.oid('1.2.840.10045.3.1.7')),
    der.context(1, der.bits(randomBytesOf(65, random))),
  )
}

function pkcs8(random: () => number): Buffer {
  const algorithm = der.sequence(der.oid('1.2.840.113549.1.1.1'), der.nothing)
  return der.sequence(der.integer(0), algorithm, der.octets(rsa(random)))
}

function ed25519(random: () => number): Buffer {
  const key = der.octets(der.octets(randomBytesOf(32, random)))
  return der.sequence(der.integer(0), der.sequence(der.oid('1.3.101.112')), key)
}

function encrypted(random: () => number): Buffer {
  const scheme = der.sequence(der.oid('1.2.840.113549.1.5.13'), der.octets(randomBytesOf(60, random)))
  return der.sequence(scheme, der.octets(randomBytesOf(640, random)))
}

function dsa(random: () => number): Buffer {
  const large = () => number(128, random)
  return der.sequence(...[der.integer(0), large(), number(20, random), large(), large(), number(20, random)])
}

function text(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function openssh(cipher: string, random: () => number): Buffer {
  const one = Buffer.from([0, 0, 0, 1])
  const publicKey = Buffer.concat([text('ssh-ed25519'), text(randomBytesOf(32, random))])
  const options =
    cipher === 'none' ? '' : Buffer.concat([text(randomBytesOf(16, random)), Buffer.from([0, 0, 0, 16])])
  return Buffer.concat([
    ...[
      Buffer.from('openssh-key-v1\0'),
      text(cipher),
      text(cipher === 'none' ? 'none' : 'bcrypt'),
      text(options),
    ],
    ...[one, text(publicKey), text(randomBytesOf(144, random))],
  ])
}

const kinds: Readonly<Record<string, readonly [label: string, make: (random: () => number) => Buffer]>> = {
  rsa: ['RSA PRIVATE KEY', rsa],
  ec: ['EC PRIVATE KEY', ec],
  dsa: ['DSA PRIVATE KEY', dsa],
  pkcs8: ['PRIVATE KEY', pkcs8],
  ed25519: ['PRIVATE KEY', ed25519],
  encrypted: ['ENCRYPTED PRIVATE KEY', encrypted],
  openssh: ['OPENSSH PRIVATE KEY', (random) => openssh('none', random)],
  'openssh-encrypted': ['OPENSSH PRIVATE KEY', (random) => openssh('aes256-ctr', random)],
}

/** The lines of a private key in the form of RFC 7468. The numbers in it are noise: no key is one. */
function pem(told: string, between: string, random: () => number): string {
  const [label, make] = kinds[told] ?? ['RSA PRIVATE KEY', rsa]
  const body =
    make(random)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...body, `-----END ${label}-----`].join(between)
}

/**
 * `{pem}`, `{pem:ec}`; `{pem-escaped:pkcs8}` with `\n` for its line ends, as in JSON; `{pem-base64:rsa}` in base64 as a whole;
 * `{pem-joined:rsa,TEXT}` with TEXT between its lines.
 */
export const keyFillers: Readonly<Record<string, Filler>> = {
  pem: ({ told, random }) => pem(told, '\n', random),
  'pem-crlf': ({ told, random }) => pem(told, '\r\n', random),
  'pem-escaped': ({ told, random }) => pem(told, '\\n', random),
  /** `{openvpn-static}`; `{openvpn-static:TEXT}` with TEXT between its lines. */
  'openvpn-static': ({ told, random }) => {
    const lines = Array.from({ length: 16 }, () => randomBytesOf(16, random).toString('hex'))
    const name = 'OpenVPN Static key V1'
    return [`-----BEGIN ${name}-----`, ...lines, `-----END ${name}-----`].join(told === '' ? '\n' : told)
  },
  'pem-joined': ({ told, random }) => {
    const [kind = '', ...between] = told.split(',')
    return pem(kind, between.join(','), random)
  },
  'pem-base64': ({ told, random }) => Buffer.from(`${pem(told, '\n', random)}\n`).toString('base64'),
}
