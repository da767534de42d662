import 'reflect-metadata'
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import * as x509 from '@peculiar/x509'
import { der, DerError, readDer } from '../../der/index.ts'
import { readCertificate } from './certificate.ts'
import { createAuthority, leafOf } from './certificates.fixture.ts'
import { problemOfChain, usages } from './chain.ts'

const nowMs = Math.floor(Date.now() / 1000) * 1000
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const authority = await createAuthority('mayfly.test', nowMs)
const leaf = Buffer.from((await leafOf(authority, publicKey, nowMs, {})).rawData)

/** With other bytes for one of its fields; nobody signed that, and nobody looks at it here. */
function withField(place: number, bytes: Buffer): Buffer {
  const [signed, ...rest] = readDer(leaf).children()
  const fields = signed!.children().map(({ whole }) => whole)
  return der.sequence(der.sequence(...fields.with(place, bytes)), ...rest.map(({ whole }) => whole))
}

const dates = (from: Buffer, until = der.value(0x17, Buffer.from('490101000000Z'))) =>
  withField(4, der.sequence(from, until))
const time = (tag: number, text: string) => der.value(tag, Buffer.from(text))

test('dates of certificates have one form: UTCTime until 2049, then GeneralizedTime, never fractions', () => {
  const taken = [
    dates(time(0x17, '260101000000Z')),
    dates(time(0x17, '260101000000Z'), time(0x18, '20500101000000Z')),
  ]
  for (const one of taken) assert.ok(readCertificate(one))
  const refused = [
    dates(time(0x18, '20260101000000Z')),
    dates(time(0x18, '20260101000000.5Z')),
    dates(time(0x17, '2601010000Z')),
    dates(time(0x17, '260101000000+0000')),
    dates(time(0x17, '260101000000Z'), time(0x18, '20500101000000.5Z')),
    dates(time(0x17, '260101000000Z'), time(0x18, '20500101000000.0005Z')),
    dates(time(0x17, '260101000000Z'), time(0x18, '20491231235959Z')),
  ]
  for (const one of refused) assert.throws(() => readCertificate(one), DerError, one.toString('latin1'))
})

test('serial numbers are positive and have up to 20 bytes; a list of extensions has some', () => {
  const serial = (bytes: Buffer) => withField(1, der.value(0x02, bytes))
  assert.ok(readCertificate(serial(Buffer.alloc(20, 1))))
  const wrong = [Buffer.alloc(21, 1), Buffer.of(0), Buffer.of(0xff), Buffer.of(0, 1), Buffer.alloc(0)]
  for (const one of wrong) assert.throws(() => readCertificate(serial(one)), DerError)
  assert.throws(() => readCertificate(withField(7, der.context(3, der.sequence()))), DerError)
})

test('an authority that is bound by what is not understood here issues nothing', async () => {
  const issuedBy = async (change: Parameters<typeof createAuthority>[2]) => {
    const issuer = await createAuthority('bound.test', nowMs, change)
    const issued = readCertificate(Buffer.from((await leafOf(issuer, publicKey, nowMs, {})).rawData))
    const chain = [readCertificate(Buffer.from(issuer.certificate.rawData))]
    return problemOfChain(issued, chain, usages.codeSigning)
  }
  assert.equal(await issuedBy({}), undefined)
  assert.equal(await issuedBy({ more: [new x509.Extension('1.2.3.4', false, der.nothing)] }), undefined)
  const constraints = der.sequence(der.context(0, der.sequence()))
  for (const isCritical of [true, false])
    for (const id of ['2.5.29.30', '2.5.29.36', '2.5.29.54'])
      await assert.rejects(
        issuedBy({ more: [new x509.Extension(id, isCritical, constraints)] }),
        new RegExp(`limits it and is not known here, ${id}`),
      )
  await assert.rejects(issuedBy({ more: [new x509.Extension('1.2.3.4', true, der.nothing)] }), DerError)
  await assert.rejects(
    issuedBy({ constraints: new x509.BasicConstraintsExtension(true, 0, false) }),
    /not critical/,
  )
})
