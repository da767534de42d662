import {
  createTileHashes,
  formatTlogProof,
  leafHash,
  type LogSource,
  maxEntryBytes,
  parseEntry,
  parseTlogProof,
  proveInclusion,
  readEntries,
  verifyInclusion,
} from '../audit/verify/index.ts'
import { MayflyError } from '../lib/index.ts'
import { believe, publishedCheckpoint, trustOf } from './audit-checkpoint.ts'
import { readInput, readText, writeOutput } from './audit-file.ts'
import { type AuditOptions, openAuditSource } from './audit-source.ts'
import { exitCodes, print } from './output.ts'

/**
 * Writes a proof (c2sp.org/tlog-proof) that an entry, named by index or id, stands in the log: offline, for somebody who
 * has the entry and trusts the log's key or its witnesses. The proof is checked before it is handed out.
 */
export async function proveAudit(
  entry: string,
  options: AuditOptions & { out?: string; entryOut?: string },
): Promise<number> {
  const source = openAuditSource(options)
  const checkpoint = await publishedCheckpoint(source, trustOf(options))
  const { index, bytes } = await findEntry(source, entry, checkpoint.size)
  const hashes = await proveInclusion(createTileHashes(source, checkpoint.size), index, checkpoint.size)
  const leaf = leafHash(bytes)
  if (!verifyInclusion({ index, size: checkpoint.size, leaf, root: checkpoint.root }, hashes))
    throw new MayflyError(
      'audit_corrupt',
      `entry ${index} is not under the signed root: mayfly audit verify says what was changed`,
    )
  const proof = formatTlogProof({ index, hashes, checkpoint: checkpoint.note })
  if (options.entryOut !== undefined) writeOutput(options.entryOut, bytes)
  if (options.out !== undefined) writeOutput(options.out, proof)
  else if (!options.json) process.stdout.write(proof)
  const said = {
    index,
    size: checkpoint.size,
    leaf_hash: leaf.toBase64(),
    ...(options.out === undefined ? { proof } : { file: options.out }),
  }
  if (options.json || options.out !== undefined)
    print(options.json, said, [`${options.out}: entry ${index} in a log of ${checkpoint.size}`])
  return exitCodes.ok
}

async function findEntry(
  source: LogSource,
  entry: string,
  size: number,
): Promise<{ index: number; bytes: Uint8Array }> {
  const index = /^\d{1,15}$/.test(entry) ? Number(entry) : undefined
  const range = index === undefined ? { to: size } : { from: index, to: Math.min(index + 1, size) }
  for await (const one of readEntries(source, range))
    if (index !== undefined || parseEntry(one.bytes)?.id === entry) return one
  throw new MayflyError('not_found', `there is no entry ${entry} among the ${size} published ones`)
}

/** Checks such a proof against the entry's bytes and a key, or a policy. Opens no log. */
export async function checkProof(file: string, options: AuditOptions & { entry: string }): Promise<number> {
  const proof = parseTlogProof(readText(file))
  if (proof === undefined)
    throw new MayflyError('bad_input', `${file} is not a proof (c2sp.org/tlog-proof@v1)`)
  const { size, root, origin } = await believe(
    proof.checkpoint,
    `the checkpoint in ${file}`,
    trustOf(options),
  )
  const leaf = leafHash(readInput(options.entry, maxEntryBytes))
  const ok = verifyInclusion({ index: proof.index, size, leaf, root }, proof.hashes)
  const verdict = { ok, origin, index: proof.index, size }
  print(options.json, verdict, [
    ok
      ? `proven: it is entry ${proof.index} of the log ${origin} (${size} entries)`
      : `NOT PROVEN: the bytes of ${options.entry} are not entry ${proof.index} of the log ${origin}`,
  ])
  return ok ? exitCodes.ok : exitCodes.refused
}
