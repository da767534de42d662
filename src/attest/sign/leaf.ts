import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { der } from '../../der/index.ts'
import type { SignerIdentity } from '../verify/index.ts'
import type { Authority } from './authority.ts'
import { extension, forCodeSigning, keyIdentifier, oids, signCertificate, subjectOf } from './certificate.ts'
import { claimOids, issuerOids, type ClaimName } from './claim-oids.ts'

/**
 * How long a leaf is good, and how much of that lies before now: the timestamp, by another process's clock, must fall within.
 */
export const leafLife = { totalMs: 600_000, beforeMs: 60_000 } as const

export interface Leaf {
  /** DER. */
  readonly certificate: Buffer
  /** Made for one signature. Nobody keeps it. */
  readonly privateKey: KeyObject
}

const nobody = der.sequence()
const digitalSignature = extension(oids.keyUsage, der.bits(Buffer.of(0x80), 7), true)

/** A fresh key and a certificate of ten minutes for it that says who builds, as Fulcio's do. */
export async function issueLeaf(authority: Authority, who: SignerIdentity, nowMs: number): Promise<Leaf> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = spkiOf(publicKey)
  const seconds = Math.floor(nowMs / 1000) * 1000
  const { issuer, authorityKey } = issuerPart(authority)
  const certified = {
    issuer,
    subject: nobody,
    spki,
    notBeforeMs: Math.max(seconds - leafLife.beforeMs, authority.notBeforeMs),
    notAfterMs: Math.min(seconds - leafLife.beforeMs + leafLife.totalMs, authority.notAfterMs),
    extensions: [
      digitalSignature,
      forCodeSigning,
      extension(oids.subjectKey, der.octets(keyIdentifier(spki))),
      authorityKey,
      // The subject is empty, so this must be critical (RFC 5280, section 4.2.1.6).
      extension(oids.subjectAltName, der.sequence(der.context(6, Buffer.from(who.san), false)), true),
      ...claimExtensions(who),
    ],
  }
  return { certificate: await signCertificate(certified, authority.signer), privateKey }
}

/** The SPKI of a key on P-256 up to its point, which is written in full (RFC 5480, section 2.2). */
const spkiHead = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex')

/** OpenSSL takes twice as long to write it as to make the key. */
function spkiOf(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  return Buffer.concat([spkiHead, Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
}

const ofClaims = new Map(
  Object.entries(claimOids).map(([name, oid]) => [name as ClaimName, der.oid(oid)] as const),
)
const [issuerRaw, issuerText] = [der.oid(issuerOids.raw), der.oid(issuerOids.text)]

function claimExtensions({ issuer, claims }: SignerIdentity): Buffer[] {
  const known = [...ofClaims].flatMap(([name, oid]) => {
    const value = claims[name]
    return value === undefined ? [] : [extension(oid, der.utf8(value))]
  })
  return [extension(issuerRaw, Buffer.from(issuer)), extension(issuerText, der.utf8(issuer)), ...known]
}

const issuerParts = new WeakMap<Authority, { issuer: Buffer; authorityKey: Buffer }>()

/** The same for all leaves of one CA. */
function issuerPart(authority: Authority): { issuer: Buffer; authorityKey: Buffer } {
  const known = issuerParts.get(authority)
  if (known !== undefined) return known
  const keyId = der.sequence(der.context(0, keyIdentifier(authority.spki), false))
  const made = { issuer: subjectOf(authority.certificate), authorityKey: extension(oids.authorityKey, keyId) }
  issuerParts.set(authority, made)
  return made
}
