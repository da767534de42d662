import type { FileKind } from '../kind.ts'
import { mark } from '../mark.ts'
import type { Random } from '../random.ts'
import { alphabets, fill } from '../template.ts'
import { jsonText, people, services } from '../words.ts'
import { bech32 } from './bech32.ts'
import { armour, ed25519Key, field, openSshKey, p256Key, rsaKey } from './private-keys.ts'

const pem = (text: string | Buffer): string => text.toString().trimEnd()
const host = (random: Random): string => `${random.pick(services)}-${random.between(1, 9)}`

/** A block in a file of its own, in a value of YAML, or in a string of code. */
function keyFile(name: string, extension: string, make: (random: Random) => string): FileKind {
  const file = (random: Random, kind: string) => {
    const key = make(random)
    const form = random.below(4)
    if (form === 0) {
      const inside = mark('secret', kind, key.replaceAll('\n', '\n    '))
      return {
        path: `config/${host(random)}.yaml`,
        text: `tls:\n  enabled: true\n  private_key: |\n    ${inside}\n`,
      }
    }
    if (form === 1) {
      const inside = mark('secret', kind, jsonText(`${key}\n`))
      return {
        path: `config/${host(random)}.json`,
        text: `{\n  "name": "${host(random)}",\n  "privateKey": "${inside}"\n}\n`,
      }
    }
    if (form === 2) {
      const text = `import ssl\n\nKEY = """${mark('secret', kind, key)}"""\n\n\ndef context():\n    return ssl.create_default_context()\n`
      return { path: `${random.pick(services)}/tls.py`, text }
    }
    return { path: `certs/${host(random)}.${extension}`, text: `${mark('secret', kind, key)}\n` }
  }
  return { name, file }
}

export const keys: readonly FileKind[] = [
  keyFile('rsa-private-pem', 'key', (random) => pem(rsaKey(random).export({ type: 'pkcs1', format: 'pem' }))),
  keyFile('pkcs8-private-pem', 'pem', (random) =>
    pem(rsaKey(random).export({ type: 'pkcs8', format: 'pem' })),
  ),
  keyFile('ec-private-pem', 'key', (random) => pem(p256Key(random).export({ type: 'sec1', format: 'pem' }))),
  keyFile('ed25519-private-pem', 'pem', (random) =>
    pem(ed25519Key(random).export({ type: 'pkcs8', format: 'pem' })),
  ),
  keyFile('openssh-private', 'id_ed25519', (random) =>
    openSshKey(random, `${random.pick(people)}@${host(random)}`),
  ),
  keyFile('pgp-private', 'asc', (random) => pgp(random)),
  { name: 'putty-private', file: putty },
  { name: 'age-secret-key', file: age },
  { name: 'jwk-private', file: jwk },
  { name: 'wireguard-private', file: wireguard },
  { name: 'ethereum-private', file: ethereum },
]

/** RFC 9580's version 4 secret key packet of an EdDSA key without a passphrase, and its owner. */
function pgp(random: Random): string {
  const { x = '', d = '' } = ed25519Key(random).export({ format: 'jwk' })
  const point = Buffer.concat([Buffer.from([1, 7, 0x40]), Buffer.from(x, 'base64url')])
  const secret = Buffer.concat([Buffer.from([1, 0]), Buffer.from(d, 'base64url')])
  const sum = Buffer.alloc(2)
  sum.writeUInt16BE([...secret].reduce((a, b) => (a + b) & 0xffff, 0))
  const curve = Buffer.from('092b06010401da470f01', 'hex')
  const body = Buffer.concat([
    Buffer.from([4]),
    random.bytes(4),
    Buffer.from([22]),
    curve,
    point,
    Buffer.from([0]),
    secret,
    sum,
  ])
  const user = Buffer.from(`${random.pick(people)} <${random.pick(people)}@northwind.io>`)
  const whole = Buffer.concat([
    Buffer.from([0x94, body.length]),
    body,
    Buffer.from([0xb4, user.length]),
    user,
  ])
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  const title = 'PGP PRIVATE KEY BLOCK'
  return [`-----BEGIN ${title}-----`, '', ...lines, `=${crc24(whole)}`, `-----END ${title}-----`].join('\n')
}

function crc24(bytes: Buffer): string {
  let crc = 0xb704ce
  for (const byte of bytes) {
    crc ^= byte << 16
    for (let i = 0; i < 8; i++) crc = (crc << 1) ^ ((crc & 0x800000) === 0 ? 0 : 0x1864cfb)
  }
  return Buffer.from((crc & 0xffffff).toString(16).padStart(6, '0'), 'hex').toString('base64')
}

function putty(random: Random, kind: string) {
  const { x = '', d = '' } = ed25519Key(random).export({ format: 'jwk' })
  const point = Buffer.concat([field('ssh-ed25519'), field(Buffer.from(x, 'base64url'))]).toString('base64')
  const secret = field(Buffer.from(d, 'base64url')).toString('base64')
  const head = `PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: ${random.pick(people)}`
  const text = `${head}\nPublic-Lines: 2\n${point.slice(0, 64)}\n${point.slice(64)}\nPrivate-Lines: 1\n${secret}\nPrivate-MAC: ${random.hex(64)}`
  return { path: `keys/${host(random)}.ppk`, text: `${mark('secret', kind, text)}\n` }
}

function age(random: Random, kind: string) {
  const secret = bech32('age-secret-key-', random.bytes(32)).toUpperCase()
  const head = `# created: 2026-03-${random.between(10, 28)}T10:00:00Z\n# public key: ${mark('decoy', 'age-recipient', bech32('age', random.bytes(32)))}\n`
  return { path: `keys/${host(random)}.txt`, text: `${head}${mark('secret', kind, secret)}\n` }
}

function jwk(random: Random, kind: string) {
  const { d = '', ...rest } = p256Key(random).export({ format: 'jwk' })
  const open = JSON.stringify({ ...rest, use: 'sig', kid: random.hex(8) }, undefined, 2)
  const text = open.replace(/\n\}$/, `,\n  "d": "${mark('secret', kind, d)}"\n}\n`)
  return { path: `config/${host(random)}.jwk.json`, text }
}

function wireguard(random: Random, kind: string) {
  const key = () => random.bytes(32).toString('base64')
  const peer = `[Peer]\nPublicKey = ${mark('decoy', 'wireguard-public', key())}\nAllowedIPs = 10.8.0.0/24\nEndpoint = vpn.northwind.io:51820\n`
  const own = `[Interface]\nAddress = 10.8.0.${random.between(2, 250)}/24\nPrivateKey = ${mark('secret', kind, key())}\nDNS = 10.8.0.1\n\n`
  return { path: `etc/wireguard/wg${random.below(9)}.conf`, text: `${own}${peer}` }
}

function ethereum(random: Random, kind: string) {
  const value = `0x${random.hex(64)}`
  const texts = [
    `module.exports = {\n  networks: {\n    mainnet: { url: process.env.RPC_URL, accounts: ['${mark('secret', kind, value)}'] },\n  },\n}\n`,
    `RPC_URL=https://rpc.northwind.io\nDEPLOYER_PRIVATE_KEY=${mark('secret', kind, value)}\n`,
    `const wallet = new ethers.Wallet("${mark('secret', kind, value)}", provider)\n`,
  ]
  return { path: random.pick(['hardhat.config.js', 'scripts/deploy.js']), text: random.pick(texts) }
}

/** A certificate's first bytes and random ones. No scanner looks further. */
export function certificate(random: Random): string {
  return armour(
    'CERTIFICATE',
    Buffer.concat([Buffer.from('308203773082025fa003020102020900', 'hex'), random.bytes(820)]),
  )
}

export const anyPassword = (random: Random): string =>
  random.pick([
    fill('{alnum:16-24}', random),
    random.text(`${alphabets.alnum}!@#%^*-_+=`, random.between(12, 20)),
  ])
