/** Of in-toto statements: the version, and what their predicates are. */
export const statementV1 = 'https://in-toto.io/Statement/v1'
export const provenanceType = 'https://slsa.dev/provenance/v1'
export const summaryType = 'https://slsa.dev/verification_summary/v1'
export const sbomType = 'https://cyclonedx.org/bom'
export const spdxType = 'https://spdx.dev/Document'
export const receiptType = 'urn:mayfly:step-receipt:v1'
/** A signature over the artifact alone, as cosign writes it. */
export const cosignType = 'https://sigstore.dev/cosign/sign/v1'

/** What a provenance of ours calls its kind of build. */
export const buildType = 'urn:mayfly:step:v1'
