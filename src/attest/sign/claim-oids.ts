/**
 * The claims of a certificate, by the names that Fulcio has for them, and their object identifiers.
 * Source: sigstore/fulcio, docs/oid-info.md and pkg/certificate/extensions.go.
 */
export const claimOids = {
  buildSignerURI: '1.3.6.1.4.1.57264.1.9',
  buildSignerDigest: '1.3.6.1.4.1.57264.1.10',
  runnerEnvironment: '1.3.6.1.4.1.57264.1.11',
  sourceRepositoryURI: '1.3.6.1.4.1.57264.1.12',
  sourceRepositoryDigest: '1.3.6.1.4.1.57264.1.13',
  sourceRepositoryRef: '1.3.6.1.4.1.57264.1.14',
  sourceRepositoryIdentifier: '1.3.6.1.4.1.57264.1.15',
  sourceRepositoryOwnerURI: '1.3.6.1.4.1.57264.1.16',
  sourceRepositoryOwnerIdentifier: '1.3.6.1.4.1.57264.1.17',
  buildConfigURI: '1.3.6.1.4.1.57264.1.18',
  buildConfigDigest: '1.3.6.1.4.1.57264.1.19',
  buildTrigger: '1.3.6.1.4.1.57264.1.20',
  runInvocationURI: '1.3.6.1.4.1.57264.1.21',
  sourceRepositoryVisibilityAtSigning: '1.3.6.1.4.1.57264.1.22',
  deploymentEnvironment: '1.3.6.1.4.1.57264.1.23',
  subject: '1.3.6.1.4.1.57264.1.24',
} as const

export type ClaimName = keyof typeof claimOids

/** The issuer stands twice: as raw bytes (.1, deprecated, and still read by some) and as a DER text (.8). */
export const issuerOids = { raw: '1.3.6.1.4.1.57264.1.1', text: '1.3.6.1.4.1.57264.1.8' } as const
