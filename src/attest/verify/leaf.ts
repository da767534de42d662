import { exactTextOf } from '../../audit/verify/index.ts'
import { DerError, readDer, tags, textOf } from '../../der/index.ts'
import { readCertificate, sequenceOf, type Certificate } from './certificate.ts'
import { refusePromises } from './certificate-log.ts'
import * as chains from './chain.ts'
import { isP256 } from './ecdsa.ts'
import { isWithin } from './fields.ts'
import type { Authority, SignerIdentity, Trust } from './model.ts'
import { Refusal } from './refusal.ts'
import { keyIdsOf, outside } from './revoked.ts'

/** The certificate of one that signs, by these rules alone: read once, then held against who is trusted. */
export function readLeaf(raw: Uint8Array): { certificate: Certificate; identity: SignerIdentity } {
  try {
    const certificate = readCertificate(raw)
    refuseOtherUses(certificate)
    return { certificate, identity: identityOf(certificate) }
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    throw new Refusal('bad_certificate', `its certificate is refused: ${cause.message}`, { cause })
  }
}

function refuseOtherUses(certificate: Certificate): void {
  chains.refuseUnknown(certificate)
  if (chains.authorityOf(certificate) !== undefined) throw new DerError('it is an authority')
  if (chains.keyUsageOf(certificate) !== chains.keyUsages.digitalSignature)
    throw new DerError('its key usage is not digital signatures alone')
  const uses = chains.extendedUsageOf(certificate)
  if (uses?.length !== 1 || uses[0] !== chains.usages.codeSigning)
    throw new DerError('its use is not code signing alone')
  if (!certificate.subject.equals(Buffer.of(tags.sequence, 0))) throw new DerError('it has a subject')
  if (!isP256(certificate.key)) throw new DerError('its key is not P-256')
}

const fulcio = '1.3.6.1.4.1.57264.1'
const claimNames: readonly (readonly [number: number, name: string])[] = [
  [9, 'buildSignerURI'],
  [10, 'buildSignerDigest'],
  [11, 'runnerEnvironment'],
  [12, 'sourceRepositoryURI'],
  [13, 'sourceRepositoryDigest'],
  [14, 'sourceRepositoryRef'],
  [15, 'sourceRepositoryIdentifier'],
  [16, 'sourceRepositoryOwnerURI'],
  [17, 'sourceRepositoryOwnerIdentifier'],
  [18, 'buildConfigURI'],
  [19, 'buildConfigDigest'],
  [20, 'buildTrigger'],
  [21, 'runInvocationURI'],
  [22, 'sourceRepositoryVisibilityAtSigning'],
  [23, 'deploymentEnvironment'],
  [24, 'tokenSubject'],
]

function identityOf(certificate: Certificate): SignerIdentity {
  const text = (number: number) => {
    const value = certificate.extensions.get(`${fulcio}.${number}`)?.value
    return value === undefined ? undefined : utf8Of(value)
  }
  // The old form of the issuer is the bare text; where both stand, two readers could take two issuers.
  const raw = certificate.extensions.get(`${fulcio}.1`)?.value
  const old = raw === undefined ? undefined : exactTextOf(raw)
  if (raw !== undefined && old === undefined) throw new DerError('its issuer is not in UTF-8')
  const issuer = text(8) ?? old
  if (issuer === undefined || issuer === '') throw new DerError('it names no issuer')
  if (old !== undefined && old !== issuer) throw new DerError('it names two issuers')
  const claims = claimNames.flatMap(([number, name]) => {
    const value = text(number)
    return value === undefined ? [] : [[name, value] as const]
  })
  return { san: uriOf(certificate), issuer, claims: Object.fromEntries(claims) }
}

function utf8Of(value: Buffer): string {
  const node = readDer(value)
  if (node.tag !== tags.utf8) throw new DerError('a claim of it is no UTF8String')
  return textOf(node)
}

/** Its name: one URI and nothing else, so that nobody can read another name out of it. */
function uriOf({ extensions }: Certificate): string {
  const extension = extensions.get(chains.extensionIds.alternativeName)
  const [uri, ...more] = extension === undefined ? [] : sequenceOf(readDer(extension.value))
  if (extension?.critical !== true || uri?.tag !== 0x86 || more.length > 0)
    throw new DerError('its name is not one URI, marked as critical')
  const san = uri.content.toString('latin1')
  if (!/^[\x21-\x7e]{1,2048}$/.test(san)) throw new DerError('its name is no URI')
  return san
}

/** The chain that issued it, at the time of the timestamp. Throws `Refusal`. */
export function issuerOf(certificate: Certificate, timeMs: number, trust: Trust): Authority {
  let refusal: Refusal | undefined
  for (const authority of trust.authorities) {
    const found = refusalBy(authority, certificate, timeMs, trust)
    if (found === undefined) {
      refusePromises(certificate, authority.chain[0], timeMs, trust.certificateLogs)
      return authority
    }
    // What is wrong with its times says more than that others did not issue it.
    if (refusal === undefined || refusal.reason === 'untrusted_certificate') refusal = found
  }
  throw refusal ?? new Refusal('untrusted_certificate', 'no trusted authority issued its certificate')
}

function refusalBy(
  { chain, validFor }: Authority,
  certificate: Certificate,
  timeMs: number,
  trust: Trust,
): Refusal | undefined {
  try {
    const problem = chains.problemOfChain(certificate, chain, chains.usages.codeSigning)
    if (problem !== undefined) return new Refusal('untrusted_certificate', `its certificate: ${problem}`)
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause
    return new Refusal('untrusted_certificate', `the trusted chain is refused: ${cause.message}`, { cause })
  }
  if (chains.outsideOf([certificate, ...chain], timeMs) !== undefined)
    return new Refusal(
      'outside_certificate',
      'it was signed when its certificate, or one above it, was not valid',
    )
  return isWithin(timeMs, validFor)
    ? undefined
    : outside(
        'outside_authority',
        'its certificate’s authority',
        { keys: keyIdsOf(chain), timeMs, validFor },
        trust,
      )
}
