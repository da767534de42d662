import { createPrivateKey, createPublicKey } from 'node:crypto'

/** PKCS #8 in front of the 32 bytes of an Ed25519 key (RFC 8410, section 7). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const head = '-----BEGIN OPENSSH PRIVATE KEY-----'
const tail = '-----END OPENSSH PRIVATE KEY-----'
const magic = 'openssh-key-v1\0'

/** An Ed25519 key as ssh-keygen writes it, without a passphrase (OpenSSH, PROTOCOL.key). */
export function openSshKey(seed: Buffer, comment: string): string {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' })
  const point = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32)
  const publicPart = Buffer.concat([field('ssh-ed25519'), field(point)])
  const check = seed.subarray(28)
  const open = Buffer.concat([
    ...[check, check, publicPart],
    ...[field(Buffer.concat([seed, point])), field(comment)],
  ])
  const padding = Buffer.from(Array.from({ length: -open.length & 7 }, (_, i) => i + 1))
  const whole = Buffer.concat([
    ...[Buffer.from(magic), field('none'), field('none'), field(''), Buffer.from([0, 0, 0, 1])],
    ...[field(publicPart), field(Buffer.concat([open, padding]))],
  ])
  return `${[head, ...(whole.toString('base64').match(/.{1,70}/g) ?? []), tail].join('\n')}\n`
}

/** The 32 bytes of the Ed25519 keys in a text, in the form above. */
export function sshSeedsIn(text: string): Buffer[] {
  return text
    .split(head)
    .slice(1, 5)
    .flatMap((after) => {
      const whole = Buffer.from(
        after
          .split('-----')[0]
          ?.slice(0, 2_000)
          .replaceAll(/\\[nr]|\s/g, '') ?? '',
        'base64',
      )
      // The public part comes before, so that the second time is that of the private one.
      const at = whole.lastIndexOf(field('ssh-ed25519'))
      const seed = at < 0 ? Buffer.alloc(0) : whole.subarray(at + 15 + 36 + 4, at + 15 + 36 + 4 + 32)
      return seed.length === 32 ? [seed] : []
    })
}

function field(data: Buffer | string): Buffer {
  const bytes = Buffer.from(data)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
