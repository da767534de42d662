import { isIP, isIPv4 } from 'node:net'
import { z } from 'zod'
import { credentialTtl as ttl, duration } from './name-schema.ts'
import { secretReference } from './secret-reference.ts'

const cidr = z.string().refine(isNetwork, 'an address, or a network whose further bits are zero: 10.0.0.0/8')

export const sshCertificate = z
  .strictObject({
    ca: secretReference.describe(
      'The private key of the user CA, without a passphrase: Ed25519, ECDSA or RSA, in OpenSSH’s form or PEM.',
    ),
    principals: z
      .array(z.string().regex(/^[A-Za-z0-9._@-]{1,60}$/, 'a name of letters, digits, `.`, `_`, `@` and `-`'))
      .min(1)
      .max(20)
      .describe('For whom it is: names of users on the host, or what its AuthorizedPrincipalsFile lists.'),
    force_command: z
      .string()
      .regex(/^[^\p{Cc}]{1,1000}$/u, 'one line')
      .optional()
      .describe('What runs there, whatever the client asks for.'),
    source_address: z
      .array(cidr)
      .min(1)
      .max(20)
      .optional()
      .describe('From where it may be used. Behind Mayfly’s gateway that is the gateway’s address.'),
    extensions: z
      .array(
        z.enum([
          'permit-pty',
          'permit-port-forwarding',
          'permit-agent-forwarding',
          'permit-X11-forwarding',
          'permit-user-rc',
        ]),
      )
      .optional()
      .describe(
        'What a session may do beside running a command. Left out: on a connection of kind `ssh` a terminal, and forwarding where the role has `ssh:forward`; on others nothing.',
      ),
    krl: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,62}$/, 'a name of lower-case letters, digits and `-`')
      .optional()
      .describe(
        'A name under which its revoked certificates are served as a key revocation list, at /v1/krl/NAME. Without it a certificate ends by its expiry.',
      ),
    within: duration
      .default('10m')
      .describe('How long it takes at most until every host has fetched the list anew.'),
    ttl,
  })
  .describe('OpenSSH user certificates of minutes, for a key that is made for the step.')

/** sshd takes no certificate with any other. */
function isNetwork(text: string): boolean {
  const [address = '', bits, more] = text.split('/')
  if (more !== undefined || isIP(address) === 0 || address.includes('%')) return false
  const width = isIPv4(address) ? 32 : 128
  if (bits === undefined) return true
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(bits) || Number(bits) > width) return false
  const host = BigInt(width - Number(bits))
  return (valueOf(address) & ((1n << host) - 1n)) === 0n
}

function valueOf(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n)
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':'))
  const [first, last] = [groups(head), groups(tail ?? '')]
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last]
  return all.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n)
}
