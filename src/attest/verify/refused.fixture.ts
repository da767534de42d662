import { createHash, generateKeyPairSync } from 'node:crypto'
import type { VerifyReason } from './index.ts'
import { refusedChanges } from './refused-changes.fixture.ts'
import { refusedFormats } from './refused-formats.fixture.ts'
import { refusedSigners } from './refused-signers.fixture.ts'
import { refusedStatements } from './refused-statements.fixture.ts'
import { refusedEntries, refusedTimes } from './refused-times.fixture.ts'
import type { BundleJson, RootJson } from './shapes.fixture.ts'
import type { Change, World } from './world.fixture.ts'

/** What it is, why it is refused, what is done for it; and, where Sigstore's own verifier takes it, why. */
export type Refused<Done> = readonly [name: string, reason: VerifyReason, done: Done, oracleTakes?: string]
export type Made = Refused<Change>
export type Changed = Refused<(bundle: BundleJson) => unknown>

export interface RefusedCase {
  readonly name: string
  readonly reason: VerifyReason
  readonly bundle: unknown
  readonly root: RootJson
  readonly oracleTakes: string | undefined
}

const hourMs = 3_600_000

export async function refusedCases(world: World, other: World): Promise<RefusedCase[]> {
  const root = world.trustedRoot
  const good = await world.bundle()
  const made = [...refusedTimes(world), ...refusedSigners(), ...refusedEntries(), ...refusedStatements()]
  const byMaking = made.map(async ([name, reason, change, oracleTakes]) => {
    const bundle = await world.bundle(change)
    return { name, reason, bundle, root, oracleTakes }
  })
  const byChanging = refusedChanges.map(([name, reason, change, oracleTakes]) => {
    const bundle = structuredClone(good)
    change(bundle)
    return { name, reason, bundle, root, oracleTakes }
  })
  const byFormat = refusedFormats(good).map(([name, reason, bundle, oracleTakes]) => {
    return { name, reason, bundle, root, oracleTakes }
  })
  const byRoot = refusedRoots(world, other).map(([name, reason, fields, oracleTakes]) => {
    return { name, reason, bundle: good, root: { ...root, ...fields }, oracleTakes }
  })
  return [...(await Promise.all(byMaking)), ...byChanging, ...byFormat, ...byRoot]
}

function refusedRoots({ nowMs, trustedRoot: root }: World, { trustedRoot: other }: World) {
  const time = (ms: number) => new Date(ms).toISOString()
  const validFor = { start: time(nowMs - 24 * hourMs), end: time(nowMs - 2000) }
  const logs = root.tlogs.map((one) => ({ ...one, publicKey: { ...one.publicKey, validFor } }))
  const certificateAuthorities = root.certificateAuthorities.map((one) => ({ ...one, validFor }))
  const timestampAuthorities = root.timestampAuthorities.map((one) => ({ ...one, validFor }))
  const rows: readonly Refused<Partial<RootJson>>[] = [
    ['another root', 'untrusted_timestamp', other],
    [
      ...(['another authority of certificates', 'untrusted_certificate'] as const),
      { certificateAuthorities: other.certificateAuthorities },
    ],
    [
      ...(['another authority of times', 'untrusted_timestamp'] as const),
      { timestampAuthorities: other.timestampAuthorities },
    ],
    ['another trusted log', 'unknown_log', { tlogs: other.tlogs }],
    ['no trusted log', 'unknown_log', { tlogs: [] }],
    ['no authority of certificates', 'untrusted_certificate', { certificateAuthorities: [] }],
    ['no authority of times', 'untrusted_timestamp', { timestampAuthorities: [] }],
    ['authority of certificates ended', 'outside_authority', { certificateAuthorities }],
    ['authority of times ended', 'outside_authority', { timestampAuthorities }],
    ['log ended', 'outside_log', { tlogs: logs }, 'it does not look at the time of a log’s key'],
    ['a log of certificates that promised nothing', 'untrusted_certificate', { ctlogs: [certificateLog()] }],
  ]
  return rows
}

function certificateLog(): unknown {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const validFor = { start: '2020-01-01T00:00:00Z' }
  return {
    ...{ baseUrl: 'https://ct.test', hashAlgorithm: 'SHA2_256' },
    logId: { keyId: createHash('sha256').update(spki).digest('base64') },
    publicKey: { rawBytes: spki.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
  }
}
