import { bytesIn, fieldsOf, numberIn, textIn, timeIn } from './fields.ts'
import type { Log, Revocation } from './model.ts'
import { Refusal } from './refusal.ts'

/** `logs`: those of the same document. Throws `Refusal`. */
export function revocationIn(json: unknown, logs: readonly Log[]): Revocation {
  const what = 'a revoked key'
  const members = 'key from treeSize log reason'.split(' ')
  const { key, from, treeSize, log, reason } = fieldsOf(json, what, members)
  const keyId = textIn(key, what, 64)
  if (!/^[0-9a-f]{64}$/.test(keyId))
    throw new Refusal('malformed', 'a revoked key is not named by its SHA-256 in hex')
  return {
    key: keyId,
    fromMs: timeIn(from, 'the time of a revocation'),
    treeSize: numberIn(treeSize, 'the tree size of a revocation'),
    ...(log === undefined ? {} : { log: logNamed(bytesIn(log, 'the log of a revocation', 32), logs) }),
    reason: textIn(reason, 'the reason of a revocation'),
  }
}

function logNamed(keyId: Buffer, logs: readonly Log[]): Buffer {
  if (logs.some((one) => one.keyId.equals(keyId))) return keyId
  throw new Refusal('bad_root', 'a key was revoked by a log that the trusted root does not have')
}

export interface Place {
  readonly index: number
  readonly log: Log
}

/** Does it stand where nothing counts any more, whatever its time? `logs`: those that are trusted. */
export function standsBehind(
  { fromMs, treeSize, log: keyId }: Revocation,
  { index, log }: Place,
  logs: readonly Log[],
): boolean {
  // Of which log the size is nobody said: in each of them it is the last that counts.
  if (keyId === undefined) return index >= treeSize || log.validFor.startMs >= fromMs
  if (log.keyId.equals(keyId)) return index >= treeSize
  // In a log that was given up before the one that is named began the time decides; a later one the thief could fill from its start.
  const named = logs.find((one) => one.keyId.equals(keyId))
  const isFormer = log.validFor.endMs !== Number.POSITIVE_INFINITY
  return named === undefined || !isFormer || log.validFor.startMs >= named.validFor.startMs
}
