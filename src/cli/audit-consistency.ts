import { formatConsistencyProof, parseConsistencyProof, verifyConsistency } from '../audit/verify/index.ts'
import { MayflyError } from '../lib/index.ts'
import { believe, extend, publishedCheckpoint, trustOf } from './audit-checkpoint.ts'
import { readText, writeOutput } from './audit-file.ts'
import { type AuditOptions, openAuditSource } from './audit-source.ts'
import { exitCodes, print } from './output.ts'

/**
 * Shows that a checkpoint kept from before is a prefix of what the log publishes now, or of a second one; `out` is a file for
 * the proof, which `check-consistency` takes, for somebody who has no log.
 */
export async function proveConsistent(
  older: string,
  newer: string | undefined,
  options: AuditOptions & { out?: string },
): Promise<number> {
  const source = openAuditSource(options)
  const trust = trustOf(options)
  const from = await believe(readText(older), older, trust)
  const to =
    newer === undefined
      ? await publishedCheckpoint(source, trust)
      : await believe(readText(newer), newer, trust)
  const hashes = await extend(source, from, to)
  if (options.out !== undefined)
    writeOutput(options.out, formatConsistencyProof({ older: from.note, newer: to.note, hashes }))
  const verdict = {
    ok: true,
    old_size: from.size,
    new_size: to.size,
    proof: hashes.map((hash) => hash.toBase64()),
  }
  print(options.json, verdict, [
    `consistent: the ${from.size} entries of ${older} are the first of the log's ${to.size}`,
  ])
  return exitCodes.ok
}

/** Checks such a proof with a key, or a policy. Opens no log. */
export async function checkConsistency(file: string, options: AuditOptions): Promise<number> {
  const proof = parseConsistencyProof(readText(file))
  if (proof === undefined)
    throw new MayflyError('bad_input', `${file} is not a proof of consistency (mayfly-consistency/v1)`)
  const trust = trustOf(options)
  const from = await believe(proof.older, `the older checkpoint in ${file}`, trust)
  const to = await believe(proof.newer, `the newer checkpoint in ${file}`, trust)
  const claim = { oldSize: from.size, newSize: to.size, oldRoot: from.root, newRoot: to.root }
  const ok = from.origin === to.origin && verifyConsistency(claim, proof.hashes)
  print(options.json, { ok, origin: to.origin, old_size: from.size, new_size: to.size }, [
    ok
      ? `proven: the ${from.size} entries of the older checkpoint are the first ${from.size} of the ${to.size} of the newer (${to.origin})`
      : `NOT PROVEN: ${file} does not show that ${to.size} entries extend ${from.size}`,
  ])
  return ok ? exitCodes.ok : exitCodes.refused
}
