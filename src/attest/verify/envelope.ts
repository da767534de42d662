import { ecKeyOf, isP256, isSignedBy } from './ecdsa.ts'
import { bytesIn, fieldsOf, listOf, textIn } from './fields.ts'
import { readJson } from './json.ts'
import { keyOfPem } from './key.ts'
import type { Statement } from './model.ts'
import { answered, Refusal, type Refused } from './refusal.ts'
import { readStatement, statementLimits } from './statement.ts'

export const statementType = 'application/vnd.in-toto+json'

/** Of one that holds a statement nearly all is one text. */
export const envelopeLimits = { bytes: 24_000_000, pieces: 4_000 } as const
const maxSignatures = 16

/** DSSE (github.com/secure-systems-lab/dsse), read and not verified. */
export interface Envelope {
  readonly payloadType: string
  /** Read when it is asked for: it is the largest part by far, and what stands beside it may not hold. Throws `Refusal`. */
  payload(): Buffer
  readonly signatures: readonly Buffer[]
  /** As each of them has it; nothing goes by them. */
  readonly keyIds: readonly string[]
}

export function readEnvelope(json: unknown): Envelope {
  const what = 'the envelope'
  const { payload, payloadType, signatures } = fieldsOf(json, what, ['payload', 'payloadType', 'signatures'])
  const all = listOf(signatures, 'the list of signatures', maxSignatures).map((one) =>
    fieldsOf(one, 'a signature', ['sig', 'keyid']),
  )
  const signed = all.map(({ sig }) => bytesIn(sig, 'a signature', 1024))
  const keyIds = all.map(({ keyid }) => textIn(keyid ?? '', 'the id of a key', 1024))
  if (signed.length === 0) throw new Refusal('bad_signature', 'nobody signed the envelope')
  const type = textIn(payloadType, 'the type of the payload', 256)
  return {
    payloadType: type,
    payload: () => bytesIn(payload, 'the payload', statementLimits.bytes),
    signatures: signed,
    keyIds,
  }
}

/** What is signed of an envelope: type and payload, each with its length in front. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `
  return Buffer.concat([Buffer.from(head), payload])
}

/**
 * A plain envelope (a line of `*.intoto.jsonl`) with a statement in it, signed by this key (PEM, ECDSA P-256). Whether it stands in a
 * log, and when it was signed, is not known from it. Of several signatures one has to be this key's.
 */
export function verifyEnvelope(
  envelope: unknown,
  publicKeyPem: string,
): { ok: true; statement: Statement; statementBytes: Uint8Array; keyId: string } | Refused {
  return answered(() => {
    const { spki, keyId } = keyOfPem(publicKeyPem)
    const { payloadType, signatures, ...read } = readEnvelope(readJson(envelope, envelopeLimits))
    if (payloadType !== statementType)
      throw new Refusal(
        'unsupported_format',
        `the payload is no in-toto statement: ${JSON.stringify(payloadType)}`,
      )
    const key = ecKeyOf(spki)
    const payload = read.payload()
    const signed = preAuthEncoding(payloadType, payload)
    if (!isP256(key) || !signatures.some((signature) => isSignedBy(key, 'sha256', signed, signature)))
      throw new Refusal('bad_signature', 'this key did not sign it')
    return { ok: true, statement: readStatement(payload), statementBytes: payload, keyId } as const
  })
}
