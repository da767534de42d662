import { createPrivateKey, sign, type KeyObject } from 'node:crypto'
import type { BaseAgent, ParsedKey } from 'ssh2'
import { MayflyError, type Secret } from '../../lib/index.ts'
import { Reader, readOpensshKey, text, u32 } from '../../ssh-keys/index.ts'

/** The library, which is loaded when it is first needed. */
export type Ssh2 = typeof import('ssh2')

const userCertificate = 'ssh-ed25519-cert-v01@openssh.com'

/**
 * Logs in with an OpenSSH user certificate (PROTOCOL.certkeys), which ssh2 does not know: it is shown as the key of an agent,
 * and what the signature calls itself is put right on its way out (`signCertificateRequests`).
 */
export function certificateAgent(ssh2: Ssh2, privateKey: Secret, certificate: Secret): BaseAgent {
  const blob = Buffer.from(certificate.reveal().split(' ')[1] ?? '', 'base64')
  const key = readOpensshKey(privateKey.reveal())
  const shown = shownAs(ssh2, key, blob)
  class CertificateAgent extends ssh2.BaseAgent {
    getIdentities(done: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
      done(undefined, [shown])
    }

    override sign(_key: unknown, data: Buffer, options: unknown, done?: unknown): void {
      const answer = (typeof options === 'function' ? options : done) as (
        error: undefined,
        signature: Buffer,
      ) => void
      answer(undefined, sign(null, data, key))
    }
  }
  return new CertificateAgent()
}

/** A key of ssh2's, as whose public half the certificate stands. */
function shownAs(ssh2: Ssh2, key: KeyObject, certificate: Buffer): ParsedKey {
  const reader = new Reader(certificate)
  if (reader.text().toString() !== userCertificate)
    throw new MayflyError('credential_failed', 'its credential is no certificate for an Ed25519 key')
  const jwk = createPrivateKey(key.export({ format: 'pem', type: 'pkcs8' })).export({ format: 'jwk' })
  const plain = Buffer.concat([text('ssh-ed25519'), text(Buffer.from(jwk.x ?? '', 'base64url'))])
  const parsed = ssh2.utils.parseKey(`ssh-ed25519 ${plain.toString('base64')}`)
  if (parsed instanceof Error) throw parsed
  const [shown] = Array.isArray(parsed) ? parsed : [parsed]
  if (shown === undefined) throw new MayflyError('credential_failed', 'its credential is no key')
  return Object.assign(shown, { type: userCertificate, getPublicSSH: () => certificate })
}

/** What ssh2 has inside, as far as it is put right. */
interface Inside {
  _protocol?: {
    _packetRW: {
      write: {
        allocStart: number
        alloc(bytes: number, force?: boolean): Buffer
        finalize(packet: Buffer, force?: boolean): Buffer
      }
    }
  }
}

const userauthRequest = 50
const wrong = Buffer.concat([text(userCertificate), u32(64)])

/**
 * The signature of a request with a certificate is of the plain key, and says so (PROTOCOL.certkeys): ssh2 writes the name of the
 * certificate's type in front of it. Called before the host is spoken to.
 */
export function signCertificateRequests(client: object): void {
  const write = (client as Inside)._protocol?._packetRW.write
  if (write === undefined) throw new TypeError('ssh2 is another one than was expected')
  const finalize = write.finalize.bind(write)
  write.finalize = (packet, force) => {
    const start = write.allocStart
    const at = packet[start] === userauthRequest ? packet.indexOf(wrong, start) : -1
    if (at === -1) return finalize(packet, force)
    const signature = packet.subarray(at + wrong.length, at + wrong.length + 64)
    const right = text(Buffer.concat([text('ssh-ed25519'), text(signature)]))
    // In front of the name stands how long name and signature are together.
    const head = packet.subarray(start, at - 4)
    const mended = write.alloc(head.length + right.length, force)
    head.copy(mended, write.allocStart)
    right.copy(mended, write.allocStart + head.length)
    return finalize(mended, force)
  }
}
