/** A statement about a file, and who signed it, as registries keep it: a Sigstore bundle in JSON, nothing of it verified. */
export interface Attestation {
  readonly bundle: unknown
}

const maxAttestations = 50
const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
/** SLSA provenance of any version; what npm itself signs is its own word again. */
const ofBuilds = /^https:\/\/slsa\.dev\/provenance\/v[0-9.]+$/

/**
 * What npm registries answer to `/-/npm/v1/attestations/NAME@VERSION`: `{ attestations: [{ predicateType, bundle }] }`. Those that
 * a build signed; undefined for anything else.
 */
export function npmAttestations(text: string): readonly Attestation[] | undefined {
  const all = listOf(parseJson(text), 'attestations')
  return all?.flatMap((one) => {
    const { predicateType, bundle } = recordOf(one)
    return typeof predicateType === 'string' && ofBuilds.test(predicateType) ? [{ bundle }] : []
  })
}

/**
 * A provenance object of a Python index (PEP 740): `{ attestation_bundles: [{ publisher, attestations: [{ verification_material,
 * envelope }] }] }`. The publisher is the index's word and not read. Undefined for anything else.
 */
export function pypiAttestations(text: string): readonly Attestation[] | undefined {
  const bundles = listOf(parseJson(text), 'attestation_bundles')
  return bundles
    ?.flatMap((one) => listOf(one, 'attestations') ?? [])
    .slice(0, maxAttestations)
    .map((one) => ({ bundle: sigstoreBundle(recordOf(one)) }))
}

/** PEP 740, "Attestation objects": the parts of a Sigstore bundle by other names. */
function sigstoreBundle(attestation: Readonly<Record<string, unknown>>): unknown {
  const material = recordOf(attestation['verification_material'])
  const envelope = recordOf(attestation['envelope'])
  return {
    mediaType: bundleType,
    verificationMaterial: {
      certificate: { rawBytes: material['certificate'] },
      tlogEntries: material['transparency_entries'],
    },
    dsseEnvelope: {
      payload: envelope['statement'],
      payloadType: 'application/vnd.in-toto+json',
      signatures: [{ sig: envelope['signature'], keyid: '' }],
    },
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function listOf(value: unknown, key: string): readonly unknown[] | undefined {
  const list = recordOf(value)[key]
  return Array.isArray(list) && list.length <= maxAttestations ? list : undefined
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}
