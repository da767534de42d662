import { createHash } from 'node:crypto'

/** A certificate’s number, which its lease alone tells: a list of revoked ones needs nothing else. Never 0, which means none. */
export function serialOf(lease: string): bigint {
  const number = createHash('sha256').update(`ssh-certificate ${lease}`).digest().readBigUInt64BE()
  return number === 0n ? 1n : number
}
