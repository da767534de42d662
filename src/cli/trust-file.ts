import type { Envelope, TrustPayload } from '../attest/sign/index.ts'
import { MayflyError } from '../lib/index.ts'
import { readJsonText } from './text-file.ts'

/** What goes between `root next`, `root sign` and `root publish`. */
export interface TrustFile {
  readonly envelope: Envelope
  /** The one in force when it was asked for. */
  readonly previous: Envelope | null
}

/** Throws `bad_input`. */
export function readTrustFile(path: string): TrustFile {
  const parsed = jsonOf(readJsonText(path), path)
  const { envelope, previous = null } = parsed as Partial<TrustFile>
  if (!isEnvelope(envelope) || !(previous === null || isEnvelope(previous)))
    throw new MayflyError('bad_input', `${path} is no trust document: mayfly attest root next makes one`)
  return { envelope, previous }
}

/** The payload, which nobody has verified. */
export function payloadOf(envelope: Envelope): TrustPayload {
  return jsonOf(Buffer.from(envelope.payload, 'base64').toString(), 'the trust document') as TrustPayload
}

function jsonOf(text: string, what: string): object {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) return parsed
  } catch {
    // Said below.
  }
  throw new MayflyError('bad_input', `${what} is no JSON object`)
}

function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== 'object' || value === null) return false
  const { payload, payloadType, signatures } = value as Partial<Envelope>
  return typeof payload === 'string' && typeof payloadType === 'string' && Array.isArray(signatures)
}
