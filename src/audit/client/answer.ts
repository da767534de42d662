import { type Receipt, type Verifier, verifyReceipt, verifyReceiptList } from '../verify/index.ts'
import type { PreparedEntry } from './event.ts'

/**
 * The receipts in an answer, if the log's key signed them for exactly these entries in this order; else undefined.
 *
 * What is verified: the leaf hash of every receipt against the entry's own bytes, the one signature over the whole
 * list, and the own signature of one receipt picked at random (a single receipt: its own signature alone). An
 * Ed25519 verification costs near 70 us; one for each receipt would halve what a machine can log. So only the
 * holder of the log's key can make a client accept anything, and a log that put false signatures into a list it
 * signed is found by chance, or by whoever verifies that receipt later.
 */
export async function verifiedReceipts(
  body: string,
  entries: readonly PreparedEntry[],
  verifier: Verifier,
): Promise<Receipt[] | undefined> {
  const answer = parseAnswer(body)
  if (answer === undefined || answer.receipts.length !== entries.length) return undefined
  const { receipts, signature } = answer
  if (!receipts.every((receipt, i) => receipt.leafHash === entries[i]?.leafHash)) return undefined
  if (receipts.length > 1 && !(await verifyReceiptList(receipts, signature, verifier))) return undefined
  const sample = receipts[Math.floor(Math.random() * receipts.length)]
  return sample !== undefined && (await verifyReceipt(sample, verifier)) ? receipts : undefined
}

function parseAnswer(body: string): { receipts: Receipt[]; signature: string } | undefined {
  const parsed = parseJson(body)
  if (!isRecord(parsed) || !Array.isArray(parsed['receipts']) || typeof parsed['signature'] !== 'string')
    return undefined
  const receipts: Receipt[] = []
  for (const one of parsed['receipts'] as unknown[]) {
    if (!isRecord(one)) return undefined
    const { index, leafHash, timeMs, signature } = one
    if (!Number.isSafeInteger(index) || !Number.isSafeInteger(timeMs)) return undefined
    if (typeof leafHash !== 'string' || typeof signature !== 'string') return undefined
    receipts.push({ index: index as number, leafHash, timeMs: timeMs as number, signature })
  }
  return { receipts, signature: parsed['signature'] }
}

/** The `message` of a refusal, or its `reason`, on one line and short; what the log says is shown to people. */
export function messageIn(body: string): string {
  const parsed = parseJson(body)
  const text = isRecord(parsed) ? (parsed['message'] ?? parsed['reason']) : undefined
  return typeof text === 'string' ? text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 300) : 'it gave no reason'
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
