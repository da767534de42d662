import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { preAuthEncoding, readProvenance, statementType, verifyEnvelope } from './index.ts'
import { statementOf } from './world.fixture.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = publicKey.export({ type: 'spki', format: 'pem' })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })

function lineOf(statement = statementOf(), payloadType = statementType, keys = [privateKey]): string {
  const signed = preAuthEncoding(payloadType, statement)
  const signatures = keys.map((key) => ({ keyid: '', sig: sign('sha256', signed, key).toString('base64') }))
  return JSON.stringify({ payload: statement.toString('base64'), payloadType, signatures })
}

test('the example of DSSE’s specification', () => {
  assert.equal(
    preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world')).toString(),
    'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  )
})

test('a plain envelope is verified by its key, alone or beside others', () => {
  for (const keys of [[privateKey], [other.privateKey, privateKey]]) {
    const verdict = verifyEnvelope(lineOf(statementOf(), statementType, keys), pem)
    assert.ok(verdict.ok, JSON.stringify(verdict))
    assert.deepEqual(Buffer.from(verdict.statementBytes), statementOf())
    const provenance = readProvenance(verdict.statement)
    assert.equal(provenance?.tier, 'tier-b')
  }
})

test('another key, payload, type or statement is refused', () => {
  const reasonOf = (line: unknown, key = pem) => {
    const verdict = verifyEnvelope(line, key)
    return verdict.ok ? 'ok' : verdict.reason
  }
  const line = lineOf()
  assert.equal(reasonOf(line, other.publicKey.export({ type: 'spki', format: 'pem' })), 'bad_signature')
  assert.equal(reasonOf(line.replace(statementType, `${statementType}x`)), 'unsupported_format')
  assert.equal(reasonOf(lineOf(statementOf(), 'text/plain')), 'unsupported_format')
  assert.equal(reasonOf(lineOf(statementOf(), statementType, [])), 'bad_signature')
  assert.equal(reasonOf(lineOf(Buffer.from('{}'))), 'bad_statement')
  assert.equal(reasonOf(line.replace('{', '{"payloadType":"x",')), 'name_twice')
  assert.equal(reasonOf(line, 'no key'), 'bad_root')
  fc.assert(
    fc.property(fc.nat(line.length - 1), fc.nat(127), (at, code) => {
      const changed = line.slice(0, at) + String.fromCharCode(code) + line.slice(at + 1)
      const verdict = verifyEnvelope(changed, pem)
      // The id of the key is not signed, and nothing goes by it.
      if (verdict.ok) assert.deepEqual(Buffer.from(verdict.statementBytes), statementOf())
    }),
  )
})

test('of a predicate that is odd what is odd counts as missing', () => {
  const read = (predicate: unknown) =>
    readProvenance({
      ...{ _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: { sha256: 'a'.repeat(64) } }] },
      ...{ predicateType: 'https://slsa.dev/provenance/v1', predicate },
    })
  const runDetails = { builder: { id: 'https://a.test/builders/tier-c' } }
  for (const one of [null, 1, 'a', [], {}, { buildDefinition: [], runDetails }])
    assert.equal(read(one), undefined)
  const foreign = read({
    buildDefinition: { buildType: 'https://a.test/b', resolvedDependencies: 1 },
    runDetails,
  })
  assert.deepEqual([foreign?.tier, foreign?.resolvedDependencies], [undefined, []])
  const ours = read({
    buildDefinition: {
      buildType: 'urn:mayfly:step:v1',
      resolvedDependencies: [{ uri: 'pkg:npm/a@1', digest: { sha256: 'x', odd: 1 } }, 3],
    },
    runDetails: { ...runDetails, metadata: { invocationId: 'i', startedOn: 7 } },
  })
  assert.equal(ours?.tier, 'tier-c')
  assert.deepEqual([ours?.invocationId, ours?.startedOn], ['i', undefined])
  assert.deepEqual(ours?.resolvedDependencies, [
    { uri: 'pkg:npm/a@1', digest: { sha256: 'x' }, annotations: {} },
    { digest: {}, annotations: {} },
  ])
  fc.assert(
    fc.property(fc.jsonValue(), (one) => {
      read({ buildDefinition: one, runDetails: one })
    }),
  )
})
