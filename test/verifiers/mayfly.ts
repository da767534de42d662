import { createHash } from 'node:crypto'
import {
  joinTrust,
  judge,
  parseTrustedRoot,
  predicateWords,
  trustKey,
  verifyBundle,
  verifyEnvelope,
  type Statement,
} from '../../src/attest/verify/index.ts'
import type { Material, Verdict, Verifier } from './case.ts'

/** Ours, with the two questions that are its caller's: is it about this file, and is this who should have signed it. */
export const mayfly: Verifier = {
  name: 'mayfly/attest/verify',
  needs: [],
  isPeer: false,
  knows: () => true,
  otherwise: {},
  verify: (material, one) =>
    Promise.resolve(one.format === 'envelope' ? ofEnvelope(material) : ofBundle(material)),
}

function ofEnvelope({ text, publicKey = '', artifact }: Material): Verdict {
  const verified = verifyEnvelope(text, publicKey)
  if (!verified.ok) return { isTaken: false, said: verified.reason }
  return ofSubject(verified.statement, artifact)
}

function ofBundle({ text, trustedRoot, publicKey, artifact, identity }: Material): Verdict {
  const root = parseTrustedRoot(trustedRoot)
  const verified = verifyBundle(text, publicKey === undefined ? root : joinTrust(root, trustKey(publicKey)))
  if (!verified.ok) return { isTaken: false, said: verified.reason }
  const { signer, statement, message } = verified
  if (signer.kind === 'certificate' && signer.identity.san !== identity.san)
    return { isTaken: false, said: 'another identity' }
  if (signer.kind === 'certificate' && signer.identity.issuer !== identity.issuer)
    return { isTaken: false, said: 'another issuer' }
  if (statement?.predicateType === predicateWords['vsa']) {
    const digest = `sha256:${createHash('sha256').update(artifact).digest('hex')}`
    // A summary that says FAILED is signed like any other.
    const context = { nowMs: Date.now(), own: () => true }
    const judged = judge([verified], digest, { predicate: 'vsa' }, context)
    return judged.ok
      ? { isTaken: true, said: 'verified' }
      : { isTaken: false, said: judged.missing.join('; ') }
  }
  if (statement !== undefined) return ofSubject(statement, artifact)
  const isSame = createHash('sha256')
    .update(artifact)
    .digest()
    .equals(message?.digest ?? Buffer.alloc(0))
  return isSame ? { isTaken: true, said: 'verified' } : { isTaken: false, said: 'another file' }
}

function ofSubject({ subject }: Statement, artifact: Buffer): Verdict {
  const sha256 = createHash('sha256').update(artifact).digest('hex')
  const isAbout = subject.some(({ digest }) => digest['sha256'] === sha256)
  return isAbout
    ? { isTaken: true, said: 'verified' }
    : { isTaken: false, said: 'no subject has this digest' }
}
