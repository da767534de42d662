import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { der } from '../../der/index.ts'
import type { Made } from './refused.fixture.ts'
import { claimOf, type LeafChange } from './certificates.fixture.ts'

type Extensions = NonNullable<LeafChange['extensions']>
type Names = x509.JsonGeneralNames

/** Certificates that the trusted authority signed, and that are not what a leaf may be. */
export function refusedSigners(): readonly Made[] {
  const { digitalSignature, keyCertSign } = x509.KeyUsageFlags
  const uses = (...oids: string[]) => new x509.ExtendedKeyUsageExtension(oids)
  const [codeSigning, serverAuth, timeStamping] = [3, 1, 8].map((one) => `1.3.6.1.5.5.7.3.${one}`) as [
    string,
    string,
    string,
  ]
  const named = (names: Names, isCritical = true) =>
    new x509.SubjectAlternativeNameExtension(names, isCritical)
  const uri = { type: 'url', value: 'https://a.test/b' } as const
  const rows: readonly (readonly [name: string, extensions: Extensions])[] = [
    ['without code signing', { extendedUsage: uses(serverAuth) }],
    ['with a second use', { extendedUsage: uses(codeSigning, timeStamping) }],
    ['without uses', { extendedUsage: undefined }],
    ['without key usage', { keyUsage: undefined }],
    ['that may issue', { keyUsage: new x509.KeyUsagesExtension(digitalSignature | keyCertSign, true) }],
    ['with bits of no key usage', { keyUsage: keyUsage(7, 0x81) }],
    ['with zeros behind its key usage', { keyUsage: keyUsage(0, 0x80) }],
    ['with nothing behind its key usage', { keyUsage: keyUsage(0, 0x80, 0) }],
    ['that may decipher, too', { keyUsage: keyUsage(7, 0x80, 0x80) }],
    ['whose key usage has too many unused bits', { keyUsage: keyUsage(8, 0x80) }],
    ['whose issuer is no UTF-8', { claim8: undefined, oldIssuer: rawClaim(1, Buffer.of(0x61, 0xff)) }],
    ['whose second issuer is no UTF-8', { oldIssuer: rawClaim(1, Buffer.of(0xc0, 0x80)) }],
    [
      'with name constraints that are not critical',
      { more: new x509.Extension('2.5.29.30', false, der.sequence()) },
    ],
    ['that is an authority', { more: new x509.BasicConstraintsExtension(true, undefined, true) }],
    ['with an unknown critical extension', { more: new x509.Extension('1.2.3.4', true, der.nothing) }],
    ['with name constraints', { more: new x509.Extension('2.5.29.30', true, der.sequence()) }],
    ['with an extension twice', { more: claimOf(12, 'https://evil.test') }],
    ['without a name', { name: undefined }],
    ['whose name is not critical', { name: named([uri], false) }],
    ['with two names', { name: named([uri, { type: 'url', value: 'https://c.test/d' }]) }],
    ['with an address of mail', { name: named([{ type: 'email', value: 'a@b.test' }]) }],
    ['without an issuer of identity', { claim8: undefined, oldIssuer: undefined }],
    ['with two issuers of identity', { claim8: claimOf(8, 'https://evil.test') }],
    ['whose claim is no UTF8String', { claim15: ia5Claim(15, '1234') }],
  ]
  const why = 'it looks at the chain, not at what a leaf may be'
  return [
    ['leaf of another issuer’s name', 'untrusted_certificate', { leaf: { issuerName: 'CN=other' } }],
    ['leaf with a subject', 'bad_certificate', { leaf: { subject: 'CN=somebody' } }, why],
    ['leaf with P-384', 'bad_certificate', { leaf: { curve: 'P-384' } }, why],
    ...rows.map(
      ([name, extensions]) => [`leaf ${name}`, 'bad_certificate', { leaf: { extensions } }, why] as const,
    ),
  ]
}

function ia5Claim(number: number, text: string): x509.Extension {
  return rawClaim(number, der.ia5(text))
}

function rawClaim(number: number, bytes: Buffer): x509.Extension {
  return new x509.Extension(`1.3.6.1.4.1.57264.1.${number}`, false, bytes)
}

function keyUsage(unusedBits: number, ...bytes: number[]): x509.Extension {
  return new x509.Extension('2.5.29.15', true, der.bits(Buffer.from(bytes), unusedBits))
}
