import { createHash, createPublicKey } from 'node:crypto'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier as SigstoreVerifier } from '@sigstore/verify'
import type { Case, Material, Verdict, Verifier } from './case.ts'

const ofStatements = 'it does not read statements: which artifact one is about is left to its caller'

/** The library of npm. */
export const sigstoreJs: Verifier = {
  name: '@sigstore/verify',
  needs: [],
  isPeer: false,
  knows: ({ format }) => format !== 'envelope',
  otherwise: {
    'a name stands twice in the statement': ofStatements,
    'an artifact with another digest': ofStatements,
    'mayfly run: provenance of another file': ofStatements,
    'a verification summary of another artifact': ofStatements,
    'a verification summary that says FAILED': ofStatements,
    'mayfly verify --vsa: a verification summary of another file': ofStatements,
    'the subjects have its name, and other digests': ofStatements,
  },
  verify: (material, one) => Promise.resolve(verdictOf(material, one)),
}

function verdictOf(material: Material, { format }: Case): Verdict {
  const { publicKey, identity, artifact } = material
  try {
    const root = TrustedRoot.fromJSON(JSON.parse(material.trustedRoot))
    const trust = toTrustMaterial(root, publicKey === undefined ? undefined : keyFinder(publicKey))
    const thresholds = {
      ctlogThreshold: root.ctlogs.length > 0 ? 1 : 0,
      tlogThreshold: 1,
      timestampThreshold: 1,
    }
    const bundle = bundleFromJSON(JSON.parse(material.text))
    const entity = toSignedEntity(bundle, format === 'file' ? artifact : undefined)
    const policy = { subjectAlternativeName: identity.san, extensions: { issuer: identity.issuer } }
    new SigstoreVerifier(trust, thresholds).verify(entity, publicKey === undefined ? policy : undefined)
    return { isTaken: true, said: 'verified' }
  } catch (error) {
    return { isTaken: false, said: error instanceof Error ? error.message : String(error) }
  }
}

function keyFinder(pem: string) {
  const key = createPublicKey(pem)
  const spki = key.export({ type: 'spki', format: 'der' })
  return (hint: string) => {
    if (hint !== createHash('sha256').update(spki).digest('base64'))
      throw new Error(`no key has the hint ${hint}`)
    return { publicKey: key, validFor: () => true }
  }
}
