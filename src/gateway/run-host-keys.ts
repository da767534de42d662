import { createPrivateKey, createPublicKey, hkdfSync, randomBytes } from 'node:crypto'
import type { Clock } from '../lib/index.ts'
import type { RunKeys, Session } from '../broker/index.ts'
import { publicBlob, writeOpensshKey } from '../ssh-keys/index.ts'

/** What the gateway shows as the host key of whatever SSH host a session is let to: the session's own, as its authority is. */
export interface HostKey {
  /** As in known_hosts, without the host: `ssh-ed25519 AAAA...`. */
  readonly line: string
  /** In OpenSSH's form. */
  readonly key: string
}

/** Derived from what the session's certificate authority is made of: the same after a restart, and in another gateway. */
export function createRunHostKeys(deps: {
  readonly clock: Clock
  readonly runKeys?: RunKeys | undefined
}): (session: Session) => HostKey {
  const known = new Map<string, HostKey>()
  return ({ id, expiresMs }) => {
    const before = known.get(id)
    if (before !== undefined) return before
    const made = hostKeyFrom(deps.runKeys?.(id) ?? randomBytes(48))
    known.set(id, made)
    setTimeout(() => known.delete(id), Math.max(0, expiresMs - deps.clock.nowMs())).unref()
    return made
  }
}

/** PKCS #8 around the seed of an Ed25519 key (RFC 8410, section 7). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex')

function hostKeyFrom(material: Uint8Array): HostKey {
  const seed = Buffer.from(hkdfSync('sha256', material, '', 'mayfly ssh host key', 32))
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' })
  const jwk = createPublicKey(key).export({ format: 'jwk' })
  return {
    line: `ssh-ed25519 ${publicBlob(jwk).toString('base64')}`,
    key: writeOpensshKey(Buffer.from(jwk.x ?? '', 'base64url'), seed, 'mayfly'),
  }
}
