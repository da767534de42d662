import { httpSource, parseVerifierKey, verifyCheckpoint } from '../../audit/verify/index.ts'
import { connectionProblem, MayflyError } from '../../lib/index.ts'

/**
 * How many entries the attestation log has, by the newest checkpoint that it signed: whatever it has answered for stands below. Throws
 * `audit_unavailable`, and `audit_corrupt` for a checkpoint by another key.
 */
export function createLogSize({
  url,
  verifierKey,
}: {
  url: string
  verifierKey: string
}): () => Promise<number> {
  const source = httpSource(new URL('/attestations/', url).href)
  const verifier = parseVerifierKey(verifierKey)
  if (verifier === undefined)
    throw new MayflyError('config_invalid', "the attestation log's verifier key is malformed")
  return async () => {
    const bytes = await source.read('checkpoint').catch((cause: unknown) => {
      throw unavailable(connectionProblem(cause), cause)
    })
    if (bytes === undefined) throw unavailable('it has no checkpoint yet')
    const verdict = await verifyCheckpoint(Buffer.from(bytes).toString(), verifier)
    if (verdict.ok) return verdict.checkpoint.size
    throw new MayflyError(
      'audit_corrupt',
      `the checkpoint of the attestation log does not hold (${verdict.reason})`,
    )
  }
}

function unavailable(why: string, cause?: unknown): MayflyError {
  return new MayflyError('audit_unavailable', `the attestation log does not say how long it is: ${why}`, {
    cause,
  })
}
