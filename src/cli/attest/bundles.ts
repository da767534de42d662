import {
  readProvenance,
  readStatement,
  verifyBundle,
  type Provenance,
  type Statement,
  type Trust,
  type Verified,
} from '../../attest/verify/index.ts'
import { MayflyError, messageOf } from '../../lib/index.ts'

/** A bundle as it was found, and what came of verifying it. */
export interface Found {
  /** Its JSON. */
  readonly bundle: string
  readonly verdict:
    | { readonly ok: true; readonly by: Verified }
    | { readonly ok: false; readonly why: string }
  /** What it says: if it was not verified, what it claims to say. */
  readonly statement: Statement | undefined
  /** Of the statement, if it is one. */
  readonly provenance: Provenance | undefined
  /** As the server has them. */
  readonly step?: string
  readonly run?: string
}

export function readFound(
  bundle: unknown,
  trust: Trust | undefined,
  of: { readonly step?: string; readonly run?: string } = {},
): Found {
  const text = typeof bundle === 'string' ? bundle : JSON.stringify(bundle)
  const verified = trust === undefined ? undefined : verifyBundle(text, trust)
  const statement = verified?.ok === true ? verified.statement : claimedStatement(text)
  return {
    bundle: text,
    verdict:
      verified?.ok === true
        ? { ok: true, by: verified }
        : { ok: false, why: verified?.detail ?? 'nobody was named whose word counts' },
    statement,
    provenance: statement === undefined ? undefined : readProvenance(statement),
    ...of,
  }
}

/** Is it about this artifact? */
export function isAbout({ statement }: Found, sha256: string): boolean {
  return statement?.subject.some(({ digest }) => digest['sha256'] === sha256) === true
}

/** An envelope alone: nothing says who signed it. */
export function isPlain({ bundle }: Found): boolean {
  return !bundle.includes('"mediaType"') && bundle.includes('"payloadType"')
}

/** Throws `bad_input` with what is wrong with a text in this file that should be a bundle. */
export function refuseNoBundle(text: string, file: string): void {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new MayflyError('bad_input', `${file} is no JSON: ${messageOf(cause)}`, { cause })
  }
  if (typeof json !== 'object' || json === null || !('mediaType' in json))
    throw new MayflyError('bad_input', `${file} is no bundle of Sigstore`)
}

function claimedStatement(text: string): Statement | undefined {
  try {
    const json = JSON.parse(text) as { dsseEnvelope?: { payload: string }; payload?: string }
    return readStatement(Buffer.from(json.dsseEnvelope?.payload ?? json.payload ?? '', 'base64'))
  } catch {
    return undefined
  }
}
