import { createHash, sign, verify } from 'node:crypto'
import { parseBase64 } from './hash.ts'
import type { Signer, Verifier } from './key.ts'

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
  const lines = createHash('sha256')
  for (const one of receipts) lines.update(`${one.index} ${one.leafHash} ${one.timeMs} ${one.signature}\n`)
  return `mayfly-receipts/v1\n${origin}\n${receipts.length}\n${lines.digest('base64')}\n`
}

/** Ed25519 is deterministic: the same entry at the same index and time always gets the same receipt. */
export function signReceipt(receipt: Omit<Receipt, 'signature'>, signer: Signer): Receipt {
  return { ...receipt, signature: signText(receiptText(signer.name, receipt), signer) }
}

/** The base64 signature over all of these receipts. */
export function signReceiptList(receipts: readonly Receipt[], signer: Signer): string {
  return signText(receiptListText(signer.name, receipts), signer)
}

/** True when the log of this key signed this receipt. */
export function verifyReceipt(receipt: Receipt, verifier: Verifier): boolean {
  return verifyText(receiptText(verifier.name, receipt), receipt.signature, verifier)
}

/** True when the log of this key signed exactly these receipts, in this order, with one signature. */
export function verifyReceiptList(
  receipts: readonly Receipt[],
  signature: string,
  verifier: Verifier,
): boolean {
  return verifyText(receiptListText(verifier.name, receipts), signature, verifier)
}

function signText(text: string, signer: Signer): string {
  return sign(null, Buffer.from(text), signer.privateKey).toString('base64')
}

function verifyText(text: string, signature: string, verifier: Verifier): boolean {
  const bytes = parseBase64(signature)
  return (
    bytes !== undefined && bytes.length === 64 && verify(null, Buffer.from(text), verifier.publicKey, bytes)
  )
}
