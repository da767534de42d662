import {
  createHash,
  createHmac,
  pbkdf2,
  randomBytes,
  timingSafeEqual,
  type X509Certificate,
} from 'node:crypto'
import { promisify } from 'node:util'
import { ProtocolFault } from '../read-exactly.ts'

/** SCRAM-SHA-256 as a client (RFC 5802, RFC 7677), with the server's certificate bound to it where TLS is (RFC 5929, section 4). */
export interface Scram {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'
  readonly first: Buffer
  /** The answer to the server's first message. Throws `ProtocolFault`. */
  final(serverFirst: Buffer): Promise<Buffer>
  /** Throws `ProtocolFault` unless the server knows the password, too. */
  verify(serverFinal: Buffer): void
}

/** The server chooses how much work it is: more than this is no server that means well. */
const maxIterations = 1_000_000

/** `certificate`: of the server, if TLS is spoken with it. Undefined if the server offers neither mechanism. */
export function createScram(
  offered: readonly string[],
  password: string,
  certificate: X509Certificate | undefined,
): Scram | undefined {
  const binding = certificate === undefined ? undefined : certificateHash(certificate)
  const isPlus = binding !== undefined && offered.includes('SCRAM-SHA-256-PLUS')
  if (!isPlus && !offered.includes('SCRAM-SHA-256')) return undefined
  // `y`: we could, the server cannot. Who strikes its offer out on the way is found by the server.
  const flag = isPlus ? 'p=tls-server-end-point,,' : binding === undefined ? 'n,,' : 'y,,'
  const nonce = randomBytes(18).toString('base64')
  const bare = `n=,r=${nonce}`
  let expected: Buffer | undefined
  return {
    mechanism: isPlus ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256',
    first: Buffer.from(`${flag}${bare}`),
    async final(serverFirst) {
      const said = serverFirst.toString()
      const parts = /^r=([!-+\--~]+),s=([A-Za-z0-9+/]+=*),i=([1-9][0-9]{0,8})$/.exec(said)
      const [, theirs = '', salt = '', rounds = ''] = parts ?? []
      if (!theirs.startsWith(nonce) || theirs.length <= nonce.length || Number(rounds) > maxIterations)
        throw new ProtocolFault('its SCRAM exchange is malformed')
      const bound = isPlus ? Buffer.concat([Buffer.from(flag), binding]) : Buffer.from(flag)
      const withoutProof = `c=${bound.toString('base64')},r=${theirs}`
      const salted = await promisify(pbkdf2)(
        saslPrep(password),
        Buffer.from(salt, 'base64'),
        Number(rounds),
        32,
        'sha256',
      )
      const transcript = `${bare},${said},${withoutProof}`
      const clientKey = hmac(salted, 'Client Key')
      const signature = hmac(createHash('sha256').update(clientKey).digest(), transcript)
      expected = hmac(hmac(salted, 'Server Key'), transcript)
      const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)))
      return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
    },
    verify(serverFinal) {
      const given = Buffer.from(/^v=([A-Za-z0-9+/]+=*)/.exec(serverFinal.toString())?.[1] ?? '', 'base64')
      if (expected === undefined || given.length !== expected.length || !timingSafeEqual(given, expected))
        throw new ProtocolFault('it does not know the password that it asks for')
    },
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** RFC 4013 as far as it matters: spaces of any kind are one, and composed characters are one. */
function saslPrep(password: string): string {
  // oxlint-disable-next-line no-irregular-whitespace -- RFC 3454, C.1.2
  return password.replaceAll(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, ' ').normalize('NFKC')
}

/** By the hash of its signature, but never one weaker than SHA-256; undefined for a signature without one (Ed25519). */
function certificateHash({ raw, signatureAlgorithm }: X509Certificate): Buffer | undefined {
  const name = /md5|sha-?1(?!\d)|sha-?(256|384|512)/i.exec(signatureAlgorithm ?? '')
  if (name === null) return undefined
  return createHash(`sha${name[1] ?? '256'}`)
    .update(raw)
    .digest()
}
