import { MayflyError, Secret, type RunId } from '../lib/index.ts'
import type { InjectedCredential } from '../connections/index.ts'
import type { Opened, Vault } from '../vault/index.ts'

/**
 * What is written into a request for a credential kept in the vault: the `Authorization` header, Basic (RFC 7617, the secret is
 * `user:password`) or Bearer (RFC 6750), or the value of the header or query parameter that the connection names. Never minted into a step; revoked by closing the gate.
 * Throws `secret_missing`, `vault_key`, or `bad_input` if the secret is not of the form its scheme needs.
 */
export async function staticAuthorization(
  vault: Vault,
  credential: InjectedCredential,
  run: RunId,
): Promise<{ authorization: Secret; opened: Opened }> {
  const opened = await vault.opened(credential.secret, { by: run })
  return { authorization: authorizationOf(credential, opened.value.reveal().trim()), opened }
}

function authorizationOf(credential: InjectedCredential, value: string): Secret {
  if (credential.scheme === 'basic') {
    if (!value.includes(':')) throw malformed(credential, 'user:password')
    return new Secret(`Basic ${Buffer.from(value).toString('base64')}`)
  }
  if (credential.scheme === 'header') {
    if (!/^[\x20-\x7e]+$/.test(value)) throw malformed(credential, 'one line of printable ASCII')
    return new Secret(`${credential.prefix}${value}`)
  }
  // A key of several lines, which the gateway signs with.
  if (credential.scheme === 'ssh-key') return new Secret(`${value}\n`)
  if (!/^[\x21-\x7e]+$/.test(value)) throw malformed(credential, 'one token without spaces')
  return new Secret(credential.scheme === 'query' ? value : `Bearer ${value}`)
}

function malformed(credential: InjectedCredential, form: string): MayflyError {
  return new MayflyError(
    'bad_input',
    `secret "${credential.secret}" is not ${form}, as ${credential.scheme} needs: mayfly secret set ${credential.secret}`,
  )
}
