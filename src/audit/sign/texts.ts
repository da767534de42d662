import {
  cosignatureMessage,
  encodeCosignature,
  type Receipt,
  receiptListText,
  receiptText,
  signatureLine,
} from '../verify/index.ts'
import type { Signer } from './signer.ts'

/** A note with one signature (signed-note, "Format"). Throws a RangeError unless `text` ends in a newline. */
export function signNote(text: string, signer: Signer): string {
  if (!text.endsWith('\n')) throw new RangeError('the text of a note ends in a newline')
  const { name, keyId } = signer
  return `${text}\n${signatureLine({ name, keyId, signature: signer.sign(Buffer.from(text)) })}`
}

/** The line that a cosigner adds to a checkpoint with this text (tlog-cosignature). Its key has to be of that type. */
export function cosignLine(checkpointText: string, timeSeconds: number, signer: Signer): string {
  if (signer.type !== 'cosignature') throw new RangeError('a cosigner needs a key of type 0x04')
  const signature = signer.sign(cosignatureMessage(timeSeconds, checkpointText))
  return signatureLine({
    name: signer.name,
    keyId: signer.keyId,
    signature: encodeCosignature(timeSeconds, signature),
  })
}

/** Ed25519 is deterministic: the same entry at the same index and time always gets the same receipt. */
export function signReceipt(receipt: Omit<Receipt, 'signature'>, signer: Signer): Receipt {
  return { ...receipt, signature: signText(receiptText(signer.name, receipt), signer) }
}

/** The base64 signature over all of these receipts. */
export function signReceiptList(receipts: readonly Receipt[], signer: Signer): string {
  return signText(receiptListText(signer.name, receipts), signer)
}

function signText(text: string, signer: Signer): string {
  return Buffer.from(signer.sign(Buffer.from(text))).toString('base64')
}
