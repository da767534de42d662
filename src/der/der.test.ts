import assert from 'node:assert/strict'
import { X509Certificate, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { rootCertificates } from 'node:tls'
import fc from 'fast-check'
import {
  DerError,
  der,
  integerBytesOf,
  namedBitsOf,
  oidOf,
  readDer,
  refuseFalse,
  tags,
  textOf,
  timeOf,
  type DerNode,
  unsignedOf,
} from './index.ts'

const isConstructed = ({ tag }: DerNode) => (tag & 0x20) !== 0
const again = (node: DerNode): Buffer =>
  isConstructed(node) ? der.value(node.tag, ...node.children().map(again)) : der.value(node.tag, node.content)

test('every certificate that Node trusts is read and written again as the same bytes', () => {
  assert.ok(rootCertificates.length > 100)
  for (const pem of rootCertificates) {
    const raw = new X509Certificate(pem).raw
    assert.deepEqual(again(readDer(raw)), raw)
  }
})

test('numbers, object identifiers and times come back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 200n }), (number) => {
      assert.equal(unsignedOf(readDer(der.integer(number))), number)
    }),
  )
  for (const text of ['1.2.840.10045.4.3.2', '2.5.29.17', '1.3.6.1.4.1.57264.1.24', '2.999.1', '0.9.2342'])
    assert.equal(oidOf(readDer(der.oid(text))), text)
  for (const ms of [0, 951_782_400_000, 2_524_607_999_000, 2_524_608_000_000, 4_102_444_800_000])
    assert.equal(timeOf(readDer(der.time(ms))), ms)
  assert.equal(timeOf(readDer(der.generalizedTime(1_700_000_000_120))), 1_700_000_000_120)
  assert.equal(der.generalizedTime(1_700_000_000_120).toString('latin1', 2), '20231114221320.12Z')
  assert.equal(textOf(readDer(der.utf8('Käfer'))), 'Käfer')
})

test('what is BER and not DER is refused', () => {
  for (const hex of [
    ...[
      '',
      '30',
      '3080',
      '30800000',
      '308101ff',
      '30820001ff',
      '0201',
      '020105ff',
      '1f8101',
      '30850000000001',
      '3003020101ff',
    ],
  ])
    assert.throws(() => readDer(Buffer.from(hex, 'hex')), DerError, hex)
  for (const hex of ['0200', '020180', '02020001', '0203000001'])
    assert.throws(() => unsignedOf(readDer(Buffer.from(hex, 'hex'))), DerError, hex)
  for (const hex of ['0600', '06028001', '060281', '0616' + 'ff'.repeat(21) + '01'])
    assert.throws(() => oidOf(readDer(Buffer.from(hex, 'hex'))), DerError, hex)
  for (const text of [
    '20230230000000Z',
    '20230101240000Z',
    '2023010100000Z',
    '20230101000000',
    '20230101000000.10Z',
    '20230101000000+0100',
  ])
    assert.throws(() => timeOf(readDer(der.value(0x18, Buffer.from(text)))), DerError, text)
  assert.throws(() => textOf(readDer(der.value(0x0c, Buffer.of(0xff)))), DerError)
  let deep = der.sequence()
  for (let i = 0; i < 40; i++) deep = der.sequence(deep)
  const walk = (node: DerNode): void => node.children().forEach(walk)
  assert.throws(() => walk(readDer(deep)), DerError)
})

test('of any bytes: DerError, or a value that writes itself again', () => {
  const spki = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    type: 'spki',
    format: 'der',
  })
  fc.assert(
    fc.property(fc.nat(spki.length - 1), fc.nat(255), (at, byte) => {
      const changed = Buffer.from(spki)
      changed[at] = byte
      try {
        assert.deepEqual(again(readDer(changed)), changed)
      } catch (error) {
        if (!(error instanceof DerError)) throw error
      }
    }),
    { numRuns: 500 },
  )
})

test('lists of named bits, booleans and numbers have one form', () => {
  const bits = (...bytes: number[]) => namedBitsOf(readDer(der.value(0x03, Buffer.from(bytes))))
  const right: readonly (readonly [number, ...number[]])[] = [
    [0x80_00, 7, 0x80],
    [0x06_00, 1, 0x06],
    [0x00_80, 7, 0x00, 0x80],
    [0x01_00, 0, 0x01],
    [0, 0],
  ]
  for (const [value, ...bytes] of right) assert.equal(bits(...bytes), value)
  const wrong = [[], [0, 0x80], [7, 0x81], [6, 0x80], [8, 0x80], [7, 0], [0, 0x80, 0], [7], [7, 0, 0, 0x80]]
  for (const bytes of wrong) assert.throws(() => bits(...bytes), DerError, String(bytes))
  assert.doesNotThrow(() => refuseFalse(readDer(der.boolean(true))))
  for (const bytes of [[0], [1], [], [0xff, 0xff]])
    assert.throws(() => refuseFalse(readDer(der.value(0x01, Buffer.from(bytes)))), DerError)
  const number = (...bytes: number[]) => integerBytesOf(readDer(der.value(0x02, Buffer.from(bytes))))
  for (const bytes of [[0], [0xff], [0, 0x80], [0xff, 0x7f]]) assert.deepEqual([...number(...bytes)], bytes)
  for (const bytes of [[], [0, 0], [0, 0x7f], [0xff, 0x80]]) assert.throws(() => number(...bytes), DerError)
})

test('each kind of value is written as X.690 says', () => {
  const written: readonly (readonly [Buffer, string])[] = [
    [der.setOf(der.integer(2), der.integer(1)), '3106020101020102'],
    [der.context(0, der.integer(1)), 'a003020101'],
    [der.context(6, Buffer.from('x'), false), '860178'],
    [der.octets(Buffer.of(1)), '040101'],
    [der.bits(Buffer.of(0x80), 7), '03020780'],
    [der.boolean(true), '0101ff'],
    [der.nothing, '0500'],
    [der.ia5('a'), '160161'],
    [der.octets(Buffer.alloc(200)), `0481c8${'00'.repeat(200)}`],
    [der.integer(Buffer.of(0, 0, 0x80)), '02020080'],
  ]
  for (const [bytes, hex] of written) assert.equal(bytes.toString('hex'), hex)
  assert.equal(readDer(der.octets(Buffer.alloc(70_000))).tag, tags.octets)
})
