import { createHash } from 'node:crypto'

/**
 * Names a secret without saying it: 32 hex digits, the same wherever it stands. Whoever has it can try guesses, so of a password that can
 * be guessed it is no protection.
 */
export function fingerprintOf(rule: string, secret: Uint8Array): string {
  return createHash('sha256')
    .update(`mayfly scan finding v1\0${rule}\0`)
    .update(secret)
    .digest('hex')
    .slice(0, 32)
}
