import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { der, readDer } from '../../der/index.ts'
import { preAuthEncoding, sha256Hex, trustDocumentType, type VerifyReason } from './index.ts'
import type { World } from './world.fixture.ts'

/** What a client that pins the root key says of a document; `before` is one that it took earlier. */
export interface DocumentVector {
  readonly name: string
  readonly reason: VerifyReason | 'right'
  readonly now: string
  readonly envelope: string
  readonly before?: string
}

interface RootKey {
  readonly pem: string
  readonly privateKey: KeyObject
}

export const time = (ms: number): string => new Date(ms).toISOString()

export function createRootKey(namedCurve = 'P-256'): RootKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve })
  return { pem: publicKey.export({ type: 'spki', format: 'pem' }), privateKey }
}

export function envelopeOf(
  document: object | string,
  by: readonly RootKey[],
  type = trustDocumentType,
): string {
  const payload = Buffer.from(typeof document === 'string' ? document : JSON.stringify(document))
  const signed = preAuthEncoding(type, payload)
  const signatures = by.map(({ privateKey }) => ({
    sig: sign('sha256', signed, privateKey).toString('base64'),
  }))
  return JSON.stringify({ payload: payload.toString('base64'), payloadType: type, signatures })
}

/** The same key with its point in half the bytes. */
function compressed({ pem }: RootKey): string {
  const spki = Buffer.from(pem.replaceAll(/-.*-|\n/g, ''), 'base64')
  const [algorithm] = readDer(spki).children()
  const point = Buffer.concat([Buffer.of(2 + (spki.at(-1)! & 1)), spki.subarray(-64, -32)])
  const other = der.sequence(algorithm!.whole, der.bits(point))
  return `-----BEGIN PUBLIC KEY-----\n${other.toString('base64')}\n-----END PUBLIC KEY-----\n`
}

type TrustedRoot = World['trustedRoot']

function withMore(root: TrustedRoot): object {
  const [first, ...rest] = root.certificateAuthorities
  return {
    ...root,
    certificateAuthorities: [{ ...first!, validFor: { ...first!.validFor, more: 1 } }, ...rest],
  }
}

function withOtherLog(root: TrustedRoot): object {
  const [first] = root.tlogs
  const publicKey = { ...first!.publicKey, keyDetails: 'PKIX_ECDSA_P256_SHA_256' }
  return { ...root, tlogs: [...root.tlogs, { ...first!, publicKey }] }
}

export function documentVectors(world: World, root: RootKey): DocumentVector[] {
  const { nowMs, trustedRoot } = world
  const [next, stranger, large] = [createRootKey(), createRootKey(), createRootKey('P-384')]
  const of = (fields: object = {}) => ({
    version: 3,
    issued: time(nowMs),
    root: [root.pem],
    trustedRoot,
    ...fields,
  })
  const now = time(nowMs)
  const revoked = { key: sha256Hex(Buffer.from('x')), from: now, treeSize: 1, reason: '' }
  const handed = of({ version: 4, root: [next.pem] })
  const before = envelopeOf(of(), [root])
  const rows: readonly (readonly [
    name: string,
    reason: DocumentVector['reason'],
    envelope: string,
    before?: string,
  ])[] = [
    ['signed by the root key', 'right', before],
    ['not expired', 'right', envelopeOf(of({ expires: time(nowMs + 1000) }), [root])],
    ['expired', 'expired', envelopeOf(of({ expires: time(nowMs - 1000) }), [root])],
    ['by a stranger', 'wrong_root', envelopeOf(of(), [stranger])],
    ['by a stranger who names himself', 'wrong_root', envelopeOf(of({ root: [stranger.pem] }), [stranger])],
    ['without a signature', 'bad_signature', envelopeOf(of(), [])],
    ['of another type', 'unsupported_format', envelopeOf(of(), [root], 'application/vnd.in-toto+json')],
    ['handed on by both', 'right', envelopeOf(handed, [root, next])],
    ['handed on by the old key alone', 'wrong_root', envelopeOf(handed, [root])],
    ['handed on by the new key alone', 'wrong_root', envelopeOf(handed, [next])],
    [
      'the next, by the key that was handed to',
      'right',
      envelopeOf(of({ version: 5, root: [next.pem] }), [next]),
      envelopeOf(handed, [root, next]),
    ],
    [
      'the next, by the key that handed on',
      'wrong_root',
      envelopeOf(of({ version: 5 }), [root]),
      envelopeOf(handed, [root, next]),
    ],
    ['the same version again', 'right', before, before],
    ['an older version', 'older_version', envelopeOf(of({ version: 2 }), [root]), before],
    ['no root key', 'bad_root', envelopeOf(of({ root: [] }), [root])],
    ['a root key of P-384', 'bad_root', envelopeOf(of({ root: [root.pem, large.pem] }), [root])],
    ['an unknown member', 'unsupported_format', envelopeOf(of({ more: 1 }), [root])],
    ['issued in the time of two clocks', 'right', envelopeOf(of({ issued: time(nowMs + 299_000) }), [root])],
    ['issued in 2099', 'in_future', envelopeOf(of({ issued: '2099-01-01T00:00:00Z' }), [root])],
    ['a version that is no whole number', 'malformed', envelopeOf(of({ version: 3.5 }), [root])],
    [
      'a version that not every reader can count to',
      'malformed',
      envelopeOf(of({ version: 2 ** 53 }), [root]),
    ],
    [
      'a root key whose point is compressed',
      'bad_root',
      envelopeOf(of({ root: [compressed(root)] }), [root]),
    ],
    [
      'a revocation by a log that is there',
      'right',
      envelopeOf(of({ revoked: [{ ...revoked, log: trustedRoot.tlogs[0]?.logId.keyId }] }), [root]),
    ],
    [
      'a revocation by a log that is not there',
      'bad_root',
      envelopeOf(of({ revoked: [{ ...revoked, log: Buffer.alloc(32).toString('base64') }] }), [root]),
    ],
    ['a member twice', 'name_twice', envelopeOf(JSON.stringify(of()).replace('{', '{"version":9,'), [root])],
    ['a version that is no number', 'malformed', envelopeOf(of({ version: '3' }), [root])],
    ['a revocation', 'right', envelopeOf(of({ revoked: [revoked] }), [root])],
    ['a revocation of no key', 'malformed', envelopeOf(of({ revoked: [{ ...revoked, key: 'x' }] }), [root])],
    [
      'a revocation without a size',
      'malformed',
      envelopeOf(of({ revoked: [{ ...revoked, treeSize: undefined }] }), [root]),
    ],
    [
      'a revocation without a reason',
      'malformed',
      envelopeOf(of({ revoked: [{ ...revoked, reason: undefined }] }), [root]),
    ],
    ['nothing in place of revocations', 'malformed', envelopeOf(of({ revoked: null }), [root])],
    ['nothing in place of keys', 'malformed', envelopeOf(of({ keys: null }), [root])],
    [
      'more in the time of an authority',
      'unsupported_format',
      envelopeOf(of({ trustedRoot: withMore(trustedRoot) }), [root]),
    ],
    [
      'more in the trusted root',
      'right',
      envelopeOf(of({ trustedRoot: { ...trustedRoot, more: 1 } }), [root]),
    ],
    [
      'a log of another kind beside',
      'right',
      envelopeOf(of({ trustedRoot: withOtherLog(trustedRoot) }), [root]),
    ],
    [
      'another payload',
      'wrong_root',
      before.replace(
        /"payload":"[^"]+"/,
        `"payload":"${Buffer.from(JSON.stringify(of({ version: 9 }))).toString('base64')}"`,
      ),
    ],
  ]
  return rows.map(([name, reason, envelope, earlier]) => ({
    ...{ name, reason, now, envelope },
    ...(earlier === undefined ? {} : { before: earlier }),
  }))
}
