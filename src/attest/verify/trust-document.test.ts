import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { openTrustDocument, preAuthEncoding, sha256Hex, trustDocumentType, verifyBundle } from './index.ts'
import { createWorld } from './world.fixture.ts'

const [world, other] = [await createWorld(), await createWorld()]
const { nowMs } = world
const time = (ms: number) => new Date(ms).toISOString()

interface RootKey {
  readonly pem: string
  readonly privateKey: KeyObject
}

function createRootKey(): RootKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { pem: publicKey.export({ type: 'spki', format: 'pem' }), privateKey }
}

const [first, second] = [createRootKey(), createRootKey()]

function documentOf(fields: object = {}): object {
  return { version: 3, issued: time(nowMs), root: [first.pem], trustedRoot: world.trustedRoot, ...fields }
}

function envelopeOf(
  document: object | string,
  by: readonly RootKey[],
  payloadType = trustDocumentType,
): object {
  const payload = Buffer.from(typeof document === 'string' ? document : JSON.stringify(document))
  const signed = preAuthEncoding(payloadType, payload)
  const signatures = by.map(({ privateKey }) => ({
    sig: sign('sha256', signed, privateKey).toString('base64'),
  }))
  return { payload: payload.toString('base64'), payloadType, signatures }
}

const reasonOf = (verdict: { ok: true } | { ok: false; reason: string }) =>
  verdict.ok ? 'ok' : verdict.reason

test('a document that the pinned root key signed says whom to trust, and what to pin', async () => {
  const envelope = envelopeOf(documentOf({ expires: time(nowMs + 1000) }), [first])
  const opened = openTrustDocument(envelope, [first.pem], { minVersion: 3, nowMs })
  assert.ok(opened.ok)
  assert.deepEqual([opened.version, opened.issuedMs, opened.expiresMs], [3, nowMs, nowMs + 1000])
  assert.deepEqual(opened.root, [first.pem])
  assert.deepEqual(opened.trustedRoot, world.trustedRoot)
  assert.ok(verifyBundle(await world.bundle(), opened.trust).ok)
})

test('root keys are handed on by the old one and the new one together', () => {
  const next = documentOf({ root: [second.pem], version: 4 })
  const opened = (by: readonly RootKey[], pinned: RootKey) =>
    reasonOf(openTrustDocument(envelopeOf(next, by), [pinned.pem]))
  assert.equal(opened([first, second], first), 'ok')
  assert.equal(opened([first, second], second), 'ok')
  assert.equal(opened([first], first), 'wrong_root')
  assert.equal(opened([second], first), 'wrong_root')
  assert.equal(opened([second], second), 'ok')
  const both = documentOf({ root: [first.pem, second.pem] })
  assert.equal(reasonOf(openTrustDocument(envelopeOf(both, [first]), [first.pem])), 'ok')
})

test('each reason not to take a document', () => {
  const stranger = createRootKey()
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey
  const otherCurve = p384.export({ type: 'spki', format: 'pem' })
  const twice = JSON.stringify(documentOf()).replace('{', '{"version":9,')
  const rows: readonly (readonly [reason: string, envelope: unknown, pinned?: string])[] = [
    ['wrong_root', envelopeOf(documentOf(), [stranger])],
    ['bad_signature', envelopeOf(documentOf(), [])],
    ['wrong_root', envelopeOf(documentOf(), [first]), stranger.pem],
    ['bad_root', envelopeOf(documentOf(), [first]), 'no key'],
    ['bad_root', envelopeOf(documentOf(), [first]), otherCurve],
    ['bad_root', envelopeOf(documentOf({ root: [first.pem, otherCurve] }), [first])],
    ['bad_root', envelopeOf(documentOf({ root: [] }), [first])],
    ['older_version', envelopeOf(documentOf({ version: 2 }), [first])],
    ['expired', envelopeOf(documentOf({ expires: time(nowMs - 1) }), [first])],
    ['malformed', envelopeOf(documentOf({ expires: '2026-02-30T00:00:00Z' }), [first])],
    ['malformed', envelopeOf(documentOf({ version: -1 }), [first])],
    ['malformed', envelopeOf(documentOf({ issued: nowMs }), [first])],
    ...[2 ** 53, 1.5, '3', null, true, [3]].map(
      (version) => ['malformed', envelopeOf(documentOf({ version }), [first])] as const,
    ),
    [
      'malformed',
      envelopeOf(JSON.stringify(documentOf()).replace('"version":3', '"version":1e400'), [first]),
    ],
    ['in_future', envelopeOf(documentOf({ issued: '2099-01-01T00:00:00Z' }), [first])],
    ['in_future', envelopeOf(documentOf({ issued: time(nowMs + 301_000) }), [first])],
    ['ok', envelopeOf(documentOf({ issued: time(nowMs + 299_000) }), [first])],
    ['unsupported_format', envelopeOf(documentOf({ more: 1 }), [first])],
    ['unsupported_format', envelopeOf(documentOf(), [first], 'application/vnd.in-toto+json')],
    ['name_twice', envelopeOf(twice, [first])],
    ['bad_root', envelopeOf(documentOf({ trustedRoot: {} }), [first])],
    ['malformed', 'x'],
  ]
  for (const [reason, envelope, pinned = first.pem] of rows)
    assert.equal(reasonOf(openTrustDocument(envelope, [pinned], { nowMs, minVersion: 3 })), reason)
  assert.equal(reasonOf(openTrustDocument(envelopeOf(documentOf(), [first]), [])), 'wrong_root')
  fc.assert(fc.property(fc.anything(), (input) => !openTrustDocument(input, [first.pem]).ok))
})

test('a revoked key counts no more from its time on, or from its size of the log on, whichever key it is', async () => {
  const bundle = await world.bundle()
  const { bundle: byKey, publicKey } = await world.byKey()
  const keys = [{ publicKey, validFor: { start: time(nowMs - 1000) } }]
  const keyId = sha256Hex(Buffer.from(publicKey.replaceAll(/-.*-|\n/g, ''), 'base64'))
  const verdictOf = (revoked: object, what: unknown) => {
    const opened = openTrustDocument(envelopeOf(documentOf({ keys, revoked: [revoked] }), [first]), [
      first.pem,
    ])
    assert.ok(opened.ok)
    return reasonOf(verifyBundle(what, opened.trust))
  }
  const cases = [
    [bundle, sha256Hex(world.caKey)],
    [bundle, sha256Hex(world.tsaKey)],
    [bundle, sha256Hex(world.logKey)],
    [byKey, keyId],
  ] as const
  for (const [what, key] of cases) {
    const from = time(nowMs + 60_000)
    // Number 2 of the log.
    assert.equal(verdictOf({ key, from, treeSize: 3, reason: 'stolen' }, what), 'ok')
    assert.equal(verdictOf({ key, from, treeSize: 2, reason: 'stolen' }, what), 'revoked')
    assert.equal(verdictOf({ key, from: time(nowMs), treeSize: 3, reason: 'stolen' }, what), 'revoked')
    assert.equal(verdictOf({ key: '0'.repeat(64), from, treeSize: 0, reason: 'x' }, what), 'ok')
  }
  const odd = { key: 'AB', from: time(nowMs), treeSize: 1, reason: '' }
  assert.equal(
    reasonOf(openTrustDocument(envelopeOf(documentOf({ revoked: [odd] }), [first]), [first.pem])),
    'malformed',
  )
})

test('of a key that was revoked by the size of one log, what stands in another goes by which of them came first', async () => {
  const bundle = await world.bundle()
  const [own] = world.trustedRoot.tlogs
  const [second] = other.trustedRoot.tlogs
  assert.ok(own !== undefined && second !== undefined)
  const hour = 3_600_000
  const at = (log: typeof own, startMs: number, endMs?: number) => ({
    ...log,
    publicKey: {
      ...log.publicKey,
      validFor: { start: time(startMs), ...(endMs === undefined ? {} : { end: time(endMs) }) },
    },
  })
  /** The bundle is number 2 of `own`. */
  const verdictOf = (tlogs: readonly object[], treeSize: number, log?: string, fromMs = nowMs + 60_000) => {
    const revoked = [
      { key: sha256Hex(world.caKey), from: time(fromMs), treeSize, reason: '', ...(log && { log }) },
    ]
    const document = documentOf({ trustedRoot: { ...world.trustedRoot, tlogs }, revoked })
    const opened = openTrustDocument(envelopeOf(document, [first]), [first.pem])
    return opened.ok ? reasonOf(verifyBundle(bundle, opened.trust)) : opened.reason
  }
  const [ownId, secondId] = [own.logId.keyId, second.logId.keyId]
  const begun = nowMs - 24 * hour
  for (const tlogs of [[own], [own, second]]) {
    assert.equal(verdictOf(tlogs, 3, ownId), 'ok')
    assert.equal(verdictOf(tlogs, 2, ownId), 'revoked')
    assert.equal(verdictOf(tlogs, 3), 'ok')
    assert.equal(verdictOf(tlogs, 2), 'revoked')
    assert.equal(verdictOf(tlogs, 3, ownId, nowMs), 'revoked')
  }
  // Given up before the one began of which the size is: by time alone.
  const former = [at(own, begun, nowMs + hour), at(second, begun + hour)]
  assert.equal(verdictOf(former, 0, secondId), 'ok')
  assert.equal(verdictOf(former, 0, secondId, nowMs), 'revoked')
  // Begun later, or never given up: whoever has the key may have filled it.
  assert.equal(verdictOf([at(own, begun, nowMs + hour), at(second, begun - hour)], 9, secondId), 'revoked')
  assert.equal(verdictOf([at(own, begun), at(second, begun + hour)], 9, secondId), 'revoked')
  assert.equal(verdictOf([own], 9, secondId), 'bad_root')
  assert.equal(verdictOf([own], 9, 'AAAA'), 'bad_root')
  assert.equal(verdictOf([own], 9, '?'), 'malformed')
})

test('a document that has ended is opened only to follow the root key, one of the future not even then', () => {
  const ended = envelopeOf(documentOf({ expires: time(nowMs - 1) }), [first])
  const options = { nowMs, mayHaveEnded: true }
  assert.equal(reasonOf(openTrustDocument(ended, [first.pem], { nowMs })), 'expired')
  assert.equal(reasonOf(openTrustDocument(ended, [first.pem], options)), 'ok')
  const ahead = envelopeOf(documentOf({ issued: time(nowMs + 400_000) }), [first])
  assert.equal(reasonOf(openTrustDocument(ahead, [first.pem], options)), 'in_future')
})

test('keys of the document are trusted in their time alone', async () => {
  const { bundle, publicKey } = await world.byKey()
  const under = (validFor: object) => {
    const opened = openTrustDocument(envelopeOf(documentOf({ keys: [{ publicKey, validFor }] }), [first]), [
      first.pem,
    ])
    assert.ok(opened.ok)
    return reasonOf(verifyBundle(bundle, opened.trust))
  }
  assert.equal(under({ start: time(nowMs) }), 'ok')
  assert.equal(under({ start: time(nowMs), end: time(nowMs) }), 'ok')
  assert.equal(under({ start: time(nowMs + 1) }), 'outside_key')
  assert.equal(under({ start: time(nowMs - 9), end: time(nowMs - 1) }), 'outside_key')
})
