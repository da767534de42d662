import {
  type Checkpoint,
  createTileHashes,
  type LogSource,
  logsBy,
  proveConsistency,
  readEntries,
  textOf,
  type TlogPolicy,
  verifyByPolicy,
  verifyCheckpoint,
  verifyConsistency,
} from '../audit/verify/index.ts'
import { MayflyError, messageOf } from '../lib/index.ts'
import {
  type AuditKey,
  auditKeyOf,
  type AuditOptions,
  givenKeyOf,
  openAuditSource,
  readTlogPolicy,
} from './audit-source.ts'

/** A checkpoint whose signature was verified, and its note. */
export interface SignedCheckpoint extends Checkpoint {
  note: string
}

export type Trust = { key: AuditKey } | { policy: TlogPolicy }

/**
 * Whose signature a checkpoint has to bear: the log's key, or, with `--policy`, a log and a quorum of witnesses. With both it
 * is that log of the policy. Throws `bad_input` for a key that is none of its logs.
 */
export function trustOf(options: AuditOptions): Trust {
  if (options.policy === undefined) return { key: auditKeyOf(options) }
  const policy = readTlogPolicy(options.policy)
  const key = givenKeyOf(options)
  if (policy.logs.length === 0)
    throw new MayflyError(
      'bad_input',
      `${options.policy} has no log line, so it believes no log: add "log VKEY"`,
    )
  if (key === undefined) return { policy }
  const logs = logsBy(key.verifier, policy)
  if (logs.length > 0) return { policy: { ...policy, logs } }
  throw new MayflyError(
    'bad_input',
    `--key is ${key.verifier.name}+${key.verifier.keyId.toHex()}, which is no log of ${options.policy}: give one of them`,
  )
}

/** Throws `audit_corrupt`, with a line that says why, unless the checkpoint may be believed. */
export async function believe(note: string, where: string, trust: Trust): Promise<SignedCheckpoint> {
  const verdict =
    'key' in trust
      ? await verifyCheckpoint(note, trust.key.verifier)
      : await verifyByPolicy(note, trust.policy)
  if (verdict.ok) return { ...verdict.checkpoint, note }
  const why = 'message' in verdict ? verdict.message : verdict.reason
  throw new MayflyError('audit_corrupt', `${where} is not to be believed: ${why}`)
}

/** The log's published checkpoint, believed. */
export async function publishedCheckpoint(source: LogSource, trust: Trust): Promise<SignedCheckpoint> {
  const bytes = await source.read('checkpoint')
  if (bytes === undefined)
    throw new MayflyError(
      'audit_corrupt',
      `there is no checkpoint in ${source.name}: it is no audit log, or was damaged`,
    )
  return await believe(textOf(bytes), `the checkpoint of ${source.name}`, trust)
}

/**
 * The entries that a believed checkpoint signs, each bundle held against it before anything of it is given. Throws
 * `audit_corrupt`.
 */
export async function* signedEntries(
  source: LogSource,
  under: Checkpoint,
  range: { from?: number; to?: number } = {},
): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
  try {
    yield* readEntries(source, { ...range, under })
  } catch (cause) {
    throw cause instanceof MayflyError ? cause : new MayflyError('audit_corrupt', messageOf(cause), { cause })
  }
}

/** All of them, or a range, of the log that the options name. */
export async function* entriesOf(
  options: AuditOptions,
  range: { from?: number; to?: number } = {},
): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
  const source = openAuditSource(options)
  yield* signedEntries(source, await publishedCheckpoint(source, trustOf(options)), range)
}

/** Shows from the tiles that the older tree is a prefix of the newer. Throws `audit_corrupt` when it is not. */
export async function extend(source: LogSource, older: Checkpoint, newer: Checkpoint): Promise<Uint8Array[]> {
  if (older.size > newer.size)
    throw new MayflyError(
      'audit_corrupt',
      `the log had ${older.size} entries and now says ${newer.size}: it was rolled back`,
    )
  const proof = await proveConsistency(createTileHashes(source, newer.size), older.size, newer.size)
  const claim = { oldSize: older.size, newSize: newer.size, oldRoot: older.root, newRoot: newer.root }
  if (verifyConsistency(claim, proof)) return proof
  throw new MayflyError(
    'audit_corrupt',
    `the log of ${newer.size} entries does not extend the one of ${older.size}: its history was rewritten, or forked`,
  )
}
