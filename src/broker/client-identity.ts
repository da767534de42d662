import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { MayflyError, Secret, type Clock } from '../lib/index.ts'
import type { Connection } from '../connections/index.ts'
import type { Vault } from '../vault/index.ts'
import type { ClientIdentity } from './model.ts'

/** Does the gateway need something of the vault to speak with the host? */
export function needsLease({ credential, clientCertificate }: Connection): boolean {
  return credential !== undefined || clientCertificate !== undefined
}

/**
 * A lease is for the connection as it is now: where the configuration gives its name another host or another secret while a step
 * runs, what was leased for the old one does not go to the new one.
 */
export function leaseKey({ name, url, credential, clientCertificate }: Connection): string {
  return JSON.stringify([name, url, credential, clientCertificate])
}

/**
 * The client certificate of the connection with its key; undefined if it has none. Throws `secret_missing`, `vault_key`, or
 * `bad_input` for what no host would take: not a key, another certificate's key, a certificate that is not valid now.
 */
export async function openClientIdentity(
  vault: Vault,
  { name, clientCertificate }: Connection,
  clock: Clock,
): Promise<ClientIdentity | undefined> {
  if (clientCertificate === undefined) return undefined
  const { chain, secret } = clientCertificate
  const certificate = new X509Certificate(chain)
  const problem = validityProblem(certificate, clock.nowMs())
  if (problem !== undefined)
    throw new MayflyError('bad_input', `the client certificate of connection "${name}" ${problem}`)
  const key = await vault.open(secret)
  if (!certificate.checkPrivateKey(readKey(key, secret)))
    throw new MayflyError(
      'bad_input',
      `secret "${secret}" is the key of another certificate than the client_certificate of connection "${name}": set the key that belongs to it (mayfly secret set ${secret} < key.pem), or apply a policy with the certificate that belongs to the key`,
    )
  return { chain, key }
}

function validityProblem({ validFromDate, validToDate }: X509Certificate, nowMs: number): string | undefined {
  const renew = 'put a new one in its file, and run mayfly apply'
  if (validToDate.getTime() < nowMs) return `has expired (${validToDate.toISOString()}): ${renew}`
  if (validFromDate.getTime() > nowMs)
    return `is not valid before ${validFromDate.toISOString()}: wait until then, or ${renew}`
  return undefined
}

function readKey(key: Secret, secret: string): KeyObject {
  try {
    return createPrivateKey(key.reveal())
  } catch {
    // Its message could quote what it could not read.
    const how = `PEM (-----BEGIN PRIVATE KEY-----), without a passphrase: mayfly secret set ${secret} < key.pem`
    throw new MayflyError('bad_input', `secret "${secret}" is no private key in ${how}`)
  }
}
