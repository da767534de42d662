import { generateKeyPairSync } from 'node:crypto'
import { durationSeconds, secretName } from '../../config/index.ts'
import { MayflyError, Secret } from '../../lib/index.ts'
import type { CredentialIssuer, MintRequest } from '../issuer.ts'
import { authorityIn } from './authority.ts'
import { signCertificate } from './certificate.ts'
import { publicBlob, writeOpensshKey } from '../../ssh-keys/index.ts'
import { serialOf } from './serial.ts'

type Request = MintRequest<'ssh-certificate'>

/** Clocks differ. */
const earlierSeconds = 60

/** A key pair for one lease, and an OpenSSH user certificate for it. Nobody is asked for it: whoever trusts the CA takes it. */
export const sshCertificate: CredentialIssuer<'ssh-certificate'> = {
  name: 'ssh-certificate',
  revocation: ({ krl, within }) =>
    krl === undefined ? { means: 'by_expiry' } : { means: 'within', seconds: durationSeconds(within) },
  revocationList: ({ krl }) => krl,
  plan: ({ lease }) => ({ serial: String(serialOf(lease)) }),

  async mint(request, _plan, tools) {
    const name = secretName(request.config.ca)
    const authority = authorityIn(await tools.openSecret(name), name)
    const pair = newPair()
    const nowSeconds = Math.floor(tools.clock.nowMs() / 1000)
    const validBeforeSeconds = nowSeconds + Math.floor(request.ttlSeconds)
    const [first, ...others] = request.config.principals
    if (first === undefined)
      throw new MayflyError('config_invalid', 'a certificate without principals is for everybody: name some')
    const comment = `mayfly ${request.lease}`
    const certificate = signCertificate(
      {
        publicKey: pair.publicKey,
        serial: serialOf(request.lease),
        keyId: keyIdOf(request),
        principals: [first, ...others],
        validAfterSeconds: nowSeconds - earlierSeconds,
        validBeforeSeconds,
        criticalOptions: criticalOptionsOf(request),
        extensions: request.config.extensions ?? extensionsFor(request),
      },
      authority,
      comment,
    )
    const line = `ssh-ed25519 ${pair.blob.toString('base64')} ${comment}`
    return {
      fields: {
        private_key: new Secret(writeOpensshKey(pair.publicKey, pair.seed, comment), 'private_key'),
        certificate: new Secret(certificate, 'certificate'),
        public_key: new Secret(line, 'public_key'),
      },
      expiresMs: validBeforeSeconds * 1000,
      handle: {},
      facts: {
        serial: String(serialOf(request.lease)),
        key_id: keyIdOf(request),
        principals: request.config.principals,
      },
    }
  },

  /** Its lease is in the list from when it is to end. */
  revoke: async ({ config }) => (config.krl === undefined ? 'nothing_to_do' : 'revoked'),
}

function newPair() {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  return {
    publicKey: Buffer.from(jwk.x ?? '', 'base64url'),
    seed: Buffer.from(jwk.d ?? '', 'base64url'),
    blob: publicBlob(jwk),
  }
}

/** sshd logs it with each login. Step names come from pipelines: nothing of them begins another field or line of that log. */
function keyIdOf({ run, step, role, lease }: Request): string {
  const plain = (value: string) => value.replaceAll(/[^A-Za-z0-9._:/-]/g, '_').slice(0, 100)
  return `mayfly run=${plain(run)} step=${plain(step)} role=${plain(role)} lease=${plain(lease)}`
}

function criticalOptionsOf({ config }: Request): Record<string, string> {
  const { force_command: command, source_address: addresses = [] } = config
  return {
    ...(command === undefined ? {} : { 'force-command': command }),
    ...(addresses.length === 0 ? {} : { 'source-address': addresses.join(',') }),
  }
}

/** What the gateway asks a host for where grants allow it: without these sshd refuses a terminal, and forwarding. */
function extensionsFor({ connection, grants }: Request): string[] {
  if (connection.kind !== 'ssh') return []
  const forwards = grants.some((grant) => grant.split(' ')[0] === 'ssh:forward')
  return ['permit-pty', ...(forwards ? ['permit-port-forwarding'] : [])]
}
