import { base64Of, concatBytes, parseBase64, utf8 } from './bytes.ts'
import { hashBytes } from './hash.ts'
import type { Verifier } from './key.ts'
import { sha256 } from './sha256.ts'

/**
 * The log's promise that an entry is durable as number `index`, and that every checkpoint of a greater size
 * will have it there. `leafHash` and `signature` are standard base64, `timeMs` is Unix milliseconds.
 */
export interface Receipt {
  index: number
  leafHash: string
  timeMs: number
  signature: string
}

/**
 * What the signature of a receipt covers, in UTF-8, each line ended by a newline:
 * `mayfly-receipt/v1`, origin, index (decimal), leaf hash (base64), time (decimal, Unix milliseconds).
 * Its second line is never a number, so it is not the text of a checkpoint either.
 */
export function receiptText(origin: string, receipt: Omit<Receipt, 'signature'>): string {
  return `mayfly-receipt/v1\n${origin}\n${receipt.index}\n${receipt.leafHash}\n${receipt.timeMs}\n`
}

/**
 * What the one signature over all receipts of an answer covers: `mayfly-receipts/v1`, origin, their number, and
 * the base64 SHA-256 of one line `<index> <leafHash> <timeMs> <signature>` for each, in order. It lets a client
 * check a thousand receipts for the price of one; each receipt stays verifiable alone.
 */
export function receiptListText(origin: string, receipts: readonly Receipt[]): string {
  const lines = receipts.map((one) => `${one.index} ${one.leafHash} ${one.timeMs} ${one.signature}\n`)
  const digest = base64Of(sha256(concatBytes(lines.map(utf8))))
  return `mayfly-receipts/v1\n${origin}\n${receipts.length}\n${digest}\n`
}

/**
 * The receipts in a text: one receipt, or an answer of the log with its signature over all of them. Nothing is verified;
 * `undefined` for what has other members, or members in another form.
 */
export function parseReceipts(text: string): { receipts: Receipt[]; signature?: string } | undefined {
  const value = parseJson(text)
  if (isReceipt(value)) return { receipts: [value] }
  const { receipts, signature, ...more } = (value ?? {}) as Record<string, unknown>
  if (!Array.isArray(receipts) || receipts.length === 0 || !isSignature(signature)) return undefined
  return Object.keys(more).length === 0 && receipts.every(isReceipt) ? { receipts, signature } : undefined
}

function isReceipt(value: unknown): value is Receipt {
  const { index, leafHash, timeMs, signature, ...more } = (value ?? {}) as Record<string, unknown>
  if (Object.keys(more).length > 0 || !isCount(index) || !isCount(timeMs) || !isSignature(signature))
    return false
  return typeof leafHash === 'string' && parseBase64(leafHash)?.length === hashBytes
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isSignature(value: unknown): value is string {
  return typeof value === 'string' && parseBase64(value)?.length === 64
}

/** JSON whose numbers are written as the texts that are signed have them: `2.0`, `2e0` and `-0` are refused. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, (_name, value: unknown, context?: { source?: string }) => {
      if (typeof value === 'number' && context?.source !== String(value)) throw new SyntaxError('no decimal')
      return value
    })
  } catch {
    return undefined
  }
}

/** True when the log of this key signed this receipt. */
export async function verifyReceipt(receipt: Receipt, verifier: Verifier): Promise<boolean> {
  return verifyText(receiptText(verifier.name, receipt), receipt.signature, verifier)
}

/** True when the log of this key signed exactly these receipts, in this order, with one signature. */
export async function verifyReceiptList(
  receipts: readonly Receipt[],
  signature: string,
  verifier: Verifier,
): Promise<boolean> {
  return verifyText(receiptListText(verifier.name, receipts), signature, verifier)
}

async function verifyText(text: string, signature: string, verifier: Verifier): Promise<boolean> {
  const bytes = parseBase64(signature)
  return bytes !== undefined && (await verifier.check(utf8(text), bytes))
}
