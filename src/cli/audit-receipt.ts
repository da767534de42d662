import {
  createTileHashes,
  leafHash,
  maxEntryBytes,
  parseReceipts,
  proveInclusion,
  type Receipt,
  type Verifier,
  verifyInclusion,
  verifyReceipt,
  verifyReceiptList,
} from '../audit/verify/index.ts'
import { MayflyError } from '../lib/index.ts'
import { publishedCheckpoint, type Trust, trustOf } from './audit-checkpoint.ts'
import { readInput, readText } from './audit-file.ts'
import { type AuditOptions, openAuditSource } from './audit-source.ts'
import { exitCodes, print } from './output.ts'

/**
 * Checks a receipt, or a whole answer of the log, with the log's key alone: offline. `entry` are the bytes that were
 * acknowledged; with a log, named by `--folder` or `--url`, each receipt has to stand in it, too.
 */
export async function checkReceipt(
  file: string,
  options: AuditOptions & { entry?: string },
): Promise<number> {
  const { entry, json } = options
  const answer = parseReceipts(readText(file))
  if (answer === undefined)
    throw new MayflyError(
      'bad_input',
      `${file} is not a receipt ({"index","leafHash","timeMs","signature"}), nor an answer of the log`,
    )
  const { receipts, signature } = answer
  const trust = trustOf(options)
  const verifier = await signerOf(receipts, trust)
  const problems: string[] = []
  if (signature !== undefined && !(await verifyReceiptList(receipts, signature, verifier)))
    problems.push('the signature over all receipts is not by the log')
  for (const receipt of receipts)
    if (!(await verifyReceipt(receipt, verifier)))
      problems.push(`the receipt of entry ${receipt.index} is not signed by ${verifier.name}`)
  if (entry !== undefined) {
    const leaf = leafHash(readInput(entry, maxEntryBytes)).toBase64()
    if (!receipts.some((receipt) => receipt.leafHash === leaf))
      problems.push(`no receipt is for the bytes of ${entry}`)
  }
  if (problems.length === 0 && (options.folder !== undefined || options.url !== undefined))
    problems.push(...(await findIn(receipts, options, trust)))
  const ok = problems.length === 0
  print(json, { ok, origin: verifier.name, receipts, problems }, [
    ...problems.map((problem) => `NOT PROVEN: ${problem}`),
    ...(ok ? receipts.map((receipt) => told(receipt, verifier.name)) : []),
  ])
  return ok ? exitCodes.ok : exitCodes.refused
}

/** The key that is believed; of a policy's the one that has signed the first receipt, or, if none has, the first. */
async function signerOf(receipts: readonly Receipt[], trust: Trust): Promise<Verifier> {
  if ('key' in trust) return trust.key.verifier
  const verifiers = trust.policy.logs.map(({ verifier }) => verifier)
  for (const verifier of verifiers) if (await verifyReceipt(receipts[0]!, verifier)) return verifier
  return verifiers[0]!
}

function told({ index, timeMs }: Receipt, origin: string): string {
  return `promised: the log ${origin} has it as entry ${index}, since ${new Date(timeMs).toISOString()}`
}

/** What the log does not keep of its promises. One that it has not published yet is not kept either: it does so each second. */
async function findIn(receipts: readonly Receipt[], options: AuditOptions, trust: Trust): Promise<string[]> {
  const source = openAuditSource(options)
  const { size, root } = await publishedCheckpoint(source, trust)
  const hashes = createTileHashes(source, size)
  const problems: string[] = []
  for (const { index, leafHash: text } of receipts) {
    if (index >= size) {
      problems.push(`entry ${index} is not published: the log has ${size} entries`)
      continue
    }
    const leaf = Uint8Array.fromBase64(text)
    const proof = await proveInclusion(hashes, index, size)
    if (!verifyInclusion({ index, size, leaf, root }, proof))
      problems.push(`another entry stands in the log as ${index}`)
  }
  return problems
}
