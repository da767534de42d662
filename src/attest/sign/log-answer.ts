import {
  equalBytes,
  leafHash,
  parseBase64,
  type Verifier,
  verifyCheckpoint,
  verifyInclusion,
} from '../../audit/verify/index.ts'

/** What was sent. */
export interface Asked {
  readonly entry: Buffer
  readonly signature: Buffer
}

export interface CheckedAnswer {
  readonly ok: true
  readonly treeSize: number
  readonly rootHash: Buffer
  readonly checkpoint: string
  readonly entries: readonly {
    readonly index: number
    readonly hashes: readonly Buffer[]
    readonly timestamp: Buffer
  }[]
}

/**
 * The answer to these entries, if it proves for each that it stands in the tree whose checkpoint the log's key signed. Takes
 * nothing on the word of whoever answered.
 */
export async function checkAnswer(
  body: string,
  asked: readonly Asked[],
  verifier: Verifier,
): Promise<CheckedAnswer | { readonly ok: false; readonly message: string }> {
  const answer = parseAnswer(body)
  if (answer === undefined || answer.entries.length !== asked.length)
    return refused('the answer of the attestation log is malformed')
  const { treeSize, rootHash, checkpoint, entries } = answer
  const verdict = await verifyCheckpoint(checkpoint, verifier)
  if (!verdict.ok) return refused(`the checkpoint of the attestation log does not hold (${verdict.reason})`)
  const { size, root } = verdict.checkpoint
  if (size !== treeSize || !equalBytes(root, rootHash))
    return refused('the answer of the attestation log is about another tree than its checkpoint')
  for (const [i, { index, hashes }] of entries.entries()) {
    const leaf = leafHash(asked[i]?.entry ?? Buffer.alloc(0))
    if (!verifyInclusion({ index, size, leaf, root }, hashes))
      return refused('the attestation log does not prove that it holds the entry')
  }
  return answer
}

function parseAnswer(body: string): CheckedAnswer | undefined {
  const parsed = parseObject(body)
  const { treeSize, rootHash, checkpoint, entries } = parsed ?? {}
  const root = bytesIn(rootHash)
  if (!isIndex(treeSize) || root === undefined || typeof checkpoint !== 'string' || !Array.isArray(entries))
    return undefined
  const read = (entries as unknown[]).map(entryIn)
  if (read.some((one) => one === undefined)) return undefined
  return { ok: true, treeSize, rootHash: root, checkpoint, entries: read as CheckedAnswer['entries'] }
}

function entryIn(one: unknown): CheckedAnswer['entries'][number] | undefined {
  if (typeof one !== 'object' || one === null) return undefined
  const { index, hashes, timestamp } = one as Record<string, unknown>
  const stamp = bytesIn(timestamp)
  if (!isIndex(index) || !Array.isArray(hashes) || hashes.length > 63 || stamp === undefined) return undefined
  const proof = (hashes as unknown[]).map(bytesIn)
  return proof.some((hash) => hash?.length !== 32)
    ? undefined
    : { index, hashes: proof as Buffer[], timestamp: stamp }
}

export function parseObject(body: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(body)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

export function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function bytesIn(value: unknown): Buffer | undefined {
  const bytes = typeof value === 'string' ? parseBase64(value) : undefined
  return bytes === undefined ? undefined : Buffer.from(bytes)
}

function refused(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message }
}
