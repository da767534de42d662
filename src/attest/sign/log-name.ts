import { createHash } from 'node:crypto'
import { MayflyError } from '../../lib/index.ts'
import type { AttestationLog } from './log.ts'

/**
 * Under which key id of the log its checkpoints are signed, in base64. Known once; asked for again when a checkpoint comes by
 * another key.
 */
export function createLogName(log: Pick<AttestationLog, 'keys'>) {
  let known: { readonly origin: string; readonly keyId: Buffer } | undefined

  return {
    async keyIdOf(checkpoint: string): Promise<string> {
      if (known !== undefined && isSignedBy(checkpoint, known)) return known.keyId.toString('base64')
      const { origin, verifierKey } = await log.keys()
      known = { origin, keyId: logKeyId(verifierKey) }
      if (!isSignedBy(checkpoint, known))
        throw new MayflyError(
          'audit_rejected',
          'the attestation log signs its checkpoints with another key than the one that it tells',
        )
      return known.keyId.toString('base64')
    },
  }
}

/** All 32 bytes of what C2SP's signed note has four of: SHA-256 of name, newline, and the key with its type in front. */
export function logKeyId(verifierKey: string): Buffer {
  const { name, typed } = partsOf(verifierKey)
  return createHash('sha256').update(`${name}\n`).update(typed).digest()
}

/** The raw key: 32 bytes of Ed25519. */
export function logPublicKey(verifierKey: string): Buffer {
  return partsOf(verifierKey).typed.subarray(1)
}

/** NAME+HASH+BASE64, where the first byte says the type: 1 is Ed25519. */
function partsOf(verifierKey: string): { name: string; typed: Buffer } {
  const [, name = '', , encoded = ''] =
    /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(verifierKey) ?? []
  const typed = Buffer.from(encoded, 'base64')
  if (name === '' || typed.length !== 33 || typed[0] !== 1)
    throw new MayflyError(
      'audit_rejected',
      'the attestation log tells a verifier key that is none of Ed25519',
    )
  return { name, typed }
}

/** Only whether the line names this key: the bundle's own check verifies it. */
function isSignedBy(checkpoint: string, { origin, keyId }: { origin: string; keyId: Buffer }): boolean {
  return checkpoint.split('\n').some((line) => {
    const start = `\u2014 ${origin} `
    if (!line.startsWith(start)) return false
    return Buffer.from(line.slice(start.length), 'base64').subarray(0, 4).equals(keyId.subarray(0, 4))
  })
}
