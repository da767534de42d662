import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier, type TrustMaterial } from '@sigstore/verify'
import { messageOf } from '../lib/index.ts'
import type { Attestation } from './attestation.ts'
import { sourceOf, type Extension, type Source } from './source.ts'

/** The file that an attestation has to be about. */
export interface Subject {
  readonly algorithm: 'sha256' | 'sha512'
  /** Hex. */
  readonly digest: string
}

export type AttestationVerdict =
  | { readonly ok: true; readonly source: Source }
  | { readonly ok: false; readonly why: string }

/** What an operator trusts to say who signed: certificate authorities, transparency logs, timestamp authorities. */
export type Trust = TrustMaterial

/** `application/vnd.dev.sigstore.trustedroot+json;version=0.1`. Throws an Error that says what is wrong. */
export function parseTrustedRoot(json: unknown): Trust {
  const root = TrustedRoot.fromJSON(json)
  if (root.certificateAuthorities.length === 0) throw new Error('it names no certificate authority')
  return toTrustMaterial(root)
}

/**
 * Whether the attestation is about this file, and signed by a build. With a trusted root: its certificate is of an authority that
 * the root names and was valid when a log or a timestamp authority that it names saw the signature, it stands in that log, in a
 * certificate log if the root names one, and the signature holds. By `registry` only what it says is read.
 */
export function verifyAttestation(
  { bundle: json }: Attestation,
  subject: Subject,
  trust: readonly Trust[] | 'registry',
): AttestationVerdict {
  try {
    const bundle = bundleFromJSON(json)
    const { content } = bundle
    if (
      content.$case !== 'dsseEnvelope' ||
      content.dsseEnvelope.payloadType !== 'application/vnd.in-toto+json'
    )
      return { ok: false, why: 'it is no statement' }
    if (!isAbout(content.dsseEnvelope.payload, subject))
      return { ok: false, why: 'it is about another file, or not about how it was made' }
    const entity = toSignedEntity(bundle)
    if (entity.key.$case !== 'certificate') return { ok: false, why: 'a key signed it, and no build' }
    if (trust !== 'registry') verifyByAny(trust, entity)
    const { certificate } = entity.key
    const extensions: Extension[] = certificate.extensions.flatMap(({ subs }) => {
      const [oid, value] = [subs[0], subs.at(-1)]
      return oid === undefined || value === undefined ? [] : [{ oid: oid.toOID(), value: value.value }]
    })
    const source = sourceOf(certificate.subjectAltName, extensions)
    return source === undefined
      ? { ok: false, why: 'its certificate does not say which build signed it' }
      : { ok: true, source }
  } catch (error) {
    return { ok: false, why: messageOf(error).split('\n')[0]?.slice(0, 200) ?? '' }
  }
}

/** Throws what the last of them has against it. */
function verifyByAny(trust: readonly Trust[], entity: Parameters<Verifier['verify']>[0]): void {
  let failure: unknown = new Error('no root is trusted')
  for (const one of trust) {
    try {
      // What a root has no log for cannot be asked; a time that somebody else saw is always needed.
      const thresholds = {
        tlogThreshold: one.tlogs.length > 0 ? 1 : 0,
        ctlogThreshold: one.ctlogs.length > 0 ? 1 : 0,
        timestampThreshold: 1,
      }
      new Verifier(one, thresholds).verify(entity)
      return
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

/** What a build may sign besides (results of its tests, for one) is no word of how the file was made. */
const ofBuilds = /^https:\/\/(?:slsa\.dev\/provenance\/v[0-9.]+|docs\.pypi\.org\/attestations\/publish\/v1)$/

/** in-toto Statement v1 and v0.1: `{ subject: [{ name, digest: { sha512: HEX } }], predicateType }`. */
function isAbout(payload: Buffer, { algorithm, digest }: Subject): boolean {
  const { subject, predicateType } = JSON.parse(payload.toString('utf8')) as Record<string, unknown>
  if (typeof predicateType !== 'string' || !ofBuilds.test(predicateType)) return false
  if (!Array.isArray(subject) || subject.length !== 1) return false
  const [only] = subject as [{ digest?: Record<string, unknown> } | null]
  const named = only?.digest
  return typeof named === 'object' && Object.hasOwn(named, algorithm) && named[algorithm] === digest
}
