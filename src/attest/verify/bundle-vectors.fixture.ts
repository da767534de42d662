import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { der, readDer } from '../../der/index.ts'
import { preAuthEncoding, sha256Hex, trustDocumentType, type VerifyReason } from './index.ts'
import { refusedCases } from './refused.fixture.ts'
import { createWorld, type World } from './world.fixture.ts'

/** What a checker says of a bundle, by a trust document that the pinned root key signed. */
export interface BundleVector {
  readonly name: string
  readonly reason: VerifyReason | 'right'
  /** Its place in `trusts`. */
  readonly trust: number
  readonly now: string
  readonly bundle: string
  /** What a message's signature is about. */
  readonly file?: string
}

/** What a client that pins the root key says of a document; `before` is one that it took earlier. */
export interface DocumentVector {
  readonly name: string
  readonly reason: VerifyReason | 'right'
  readonly now: string
  readonly envelope: string
  readonly before?: string
}

export interface BundleVectors {
  /** PEM. */
  readonly root: string
  readonly trusts: readonly string[]
  readonly bundles: readonly BundleVector[]
  readonly documents: readonly DocumentVector[]
}

export interface RootKey {
  readonly pem: string
  readonly privateKey: KeyObject
}

const hourMs = 3_600_000
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

export async function bundleVectors(): Promise<BundleVectors> {
  const [world, other, root] = [await createWorld(), await createWorld(), createRootKey()]
  const trusts: string[] = []
  const places = new Map<string, number>()
  /** The place of the document with these fields. */
  const trust = (fields: object): number => {
    const all = {
      version: 3,
      issued: time(world.nowMs),
      root: [root.pem],
      trustedRoot: world.trustedRoot,
      ...fields,
    }
    const text = JSON.stringify(all)
    const place = places.get(text) ?? trusts.push(envelopeOf(text, [root])) - 1
    places.set(text, place)
    return place
  }
  const now = time(world.nowMs)
  const refused = (await refusedCases(world, other)).flatMap(
    ({ name, reason, bundle, root: trustedRoot }) => {
      const text = typeof bundle === 'string' ? bundle : JSON.stringify(bundle)
      if (Buffer.isBuffer(bundle) || text === undefined || text.length > 100_000) return []
      return [{ name, reason, trust: trust({ trustedRoot }), now, bundle: text }]
    },
  )
  const own = [
    ...(await signers(world, trust)),
    ...(await revocations(world, trust)),
    ...(await revocationsByLog(world, other, trust)),
  ]
  return { root: root.pem, trusts, bundles: [...own, ...refused], documents: documents(world, root) }
}

type Place = (fields: object) => number

async function signers(world: World, trust: Place): Promise<BundleVector[]> {
  const now = time(world.nowMs)
  const { bundle, publicKey } = await world.byKey()
  const validFor = { start: time(world.nowMs - hourMs) }
  const ended = { ...validFor, end: time(world.nowMs - 1000) }
  const file = 'a file\n'
  const [byKey, byCertificate, ofFile] = [
    bundle,
    await world.bundle(),
    await world.bundle({ message: Buffer.from(file) }),
  ].map((one) => JSON.stringify(one)) as [string, string, string]
  return [
    { name: 'by a certificate', reason: 'right', trust: trust({}), now, bundle: byCertificate },
    {
      name: 'by a key',
      reason: 'right',
      trust: trust({ keys: [{ publicKey, validFor }] }),
      now,
      bundle: byKey,
    },
    { name: 'by no trusted key', reason: 'unknown_key', trust: trust({}), now, bundle: byKey },
    {
      ...({ name: 'by a key that ended', reason: 'outside_key' } as const),
      ...{ trust: trust({ keys: [{ publicKey, validFor: ended }] }), now, bundle: byKey },
    },
    { name: 'of a file', reason: 'right', trust: trust({}), now, bundle: ofFile, file },
    { name: 'of another file', reason: 'other_message', trust: trust({}), now, bundle: ofFile, file: 'x' },
  ]
}

/** Each bundle has number 2 in its log. */
async function revocations(world: World, trust: Place): Promise<BundleVector[]> {
  const now = time(world.nowMs)
  const bundle = JSON.stringify(await world.bundle())
  const [before, after] = [time(world.nowMs - 1000), time(world.nowMs + 1000)]
  const vector = (
    name: string,
    reason: BundleVector['reason'],
    key: Buffer,
    from: string,
    treeSize: number,
  ) => {
    const revoked = [
      { key: createHash('sha256').update(key).digest('hex'), from, treeSize, reason: 'stolen' },
    ]
    return { name, reason, trust: trust({ revoked }), now, bundle }
  }
  return [
    vector('its authority was revoked later', 'right', world.caKey, after, 3),
    vector('its authority was revoked at that time', 'revoked', world.caKey, now, 3),
    vector('its authority was revoked at that index', 'revoked', world.caKey, after, 2),
    vector('its timestamp authority was revoked', 'revoked', world.tsaKey, before, 3),
    vector('its log was revoked', 'revoked', world.logKey, before, 3),
    vector('another key was revoked', 'right', Buffer.from('x'), before, 0),
  ]
}

/** The bundle is number 2 of the log of `world`; `other` has another one. */
async function revocationsByLog(world: World, other: World, trust: Place): Promise<BundleVector[]> {
  const { nowMs, trustedRoot } = world
  const [own, second] = [trustedRoot.tlogs[0], other.trustedRoot.tlogs[0]]
  if (own === undefined || second === undefined) throw new TypeError('a world has a log')
  const bundle = JSON.stringify(await world.bundle())
  const at = (log: typeof own, hours: number, endHours?: number) => {
    const end = endHours === undefined ? {} : { end: time(nowMs + endHours * hourMs) }
    const validFor = { start: time(nowMs + hours * hourMs), ...end }
    return { ...log, publicKey: { ...log.publicKey, validFor } }
  }
  const key = createHash('sha256').update(world.caKey).digest('hex')
  const from = time(nowMs + 1000)
  const vector = (
    name: string,
    reason: BundleVector['reason'],
    tlogs: readonly object[],
    of: { treeSize: number; log?: string },
  ) => {
    const fields = {
      trustedRoot: { ...trustedRoot, tlogs },
      revoked: [{ key, from, reason: 'stolen', ...of }],
    }
    return { name, reason, trust: trust(fields), now: time(nowMs), bundle }
  }
  const [ownId, secondId] = [own.logId.keyId, second.logId.keyId]
  const both = [own, second]
  const former = [at(own, -24, 1), at(second, -1)]
  return [
    vector('revoked at a later index of its log', 'right', both, { treeSize: 3, log: ownId }),
    vector('revoked at that index of its log', 'revoked', both, { treeSize: 2, log: ownId }),
    vector('revoked by a later log than its own', 'right', former, { treeSize: 0, log: secondId }),
    vector('revoked by an earlier log than its own', 'revoked', [at(own, -1, 1), at(second, -24)], {
      ...{ treeSize: 9, log: secondId },
    }),
    vector('revoked by another log, and its own goes on', 'revoked', [at(own, -24), at(second, -1)], {
      ...{ treeSize: 9, log: secondId },
    }),
    vector('revoked at that index of nobody says which log', 'revoked', both, { treeSize: 2 }),
  ]
}

/** The same key with its point in half the bytes. */
function compressed({ pem }: RootKey): string {
  const spki = Buffer.from(pem.replaceAll(/-.*-|\n/g, ''), 'base64')
  const [algorithm] = readDer(spki).children()
  const point = Buffer.concat([Buffer.of(2 + (spki.at(-1)! & 1)), spki.subarray(-64, -32)])
  const other = der.sequence(algorithm!.whole, der.bits(point))
  return `-----BEGIN PUBLIC KEY-----\n${other.toString('base64')}\n-----END PUBLIC KEY-----\n`
}

function documents(world: World, root: RootKey): DocumentVector[] {
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
