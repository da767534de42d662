import { createHash } from 'node:crypto'
import {
  createRootKey,
  documentVectors,
  envelopeOf,
  time,
  type DocumentVector,
} from './document-vectors.fixture.ts'
import type { VerifyReason } from './index.ts'
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

export interface BundleVectors {
  /** PEM. */
  readonly root: string
  readonly trusts: readonly string[]
  readonly bundles: readonly BundleVector[]
  readonly documents: readonly DocumentVector[]
}

const hourMs = 3_600_000

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
  return { root: root.pem, trusts, bundles: [...own, ...refused], documents: documentVectors(world, root) }
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
    // The end is part of the time, and the beginning.
    {
      ...({ name: 'by a key that ends at that time', reason: 'right' } as const),
      ...{ trust: trust({ keys: [{ publicKey, validFor: { start: now, end: now } }] }), now, bundle: byKey },
    },
    {
      ...({ name: 'by a key that ended a millisecond before', reason: 'outside_key' } as const),
      ...{
        trust: trust({
          keys: [{ publicKey, validFor: { ...validFor, end: time(world.nowMs - 1) } }],
        }),
        now,
        bundle: byKey,
      },
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
