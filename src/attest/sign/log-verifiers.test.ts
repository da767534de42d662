import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { openLog, temporaryFolder, token } from '../../audit/log/log.fixture.ts'
import { newAuthority } from './attestation-log.fixture.ts'
import { Secret, systemClock } from '../../lib/index.ts'
import { parseTrustedRoot, verifyBundle } from '../verify/index.ts'
import {
  type AllLogKeys,
  createAttestationLog,
  createKeylessSigner,
  logKeyId,
  logPublicKey,
} from './index.ts'

const who = { san: 'https://ci.example.com/workflow', issuer: 'https://ci.example.com', claims: {} }
const statement = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'a', digest: { sha256: 'a'.repeat(64) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
  }),
)

/** What a trust document will say of this log, in Sigstore's form. */
function rootOf(keys: AllLogKeys, ca: Buffer): object {
  const subject = { organization: 'Mayfly', commonName: 'x' }
  const start = new Date(Date.now() - 86_400_000).toISOString()
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), logPublicKey(keys.verifierKey)])
  const derOf = (pem: string) => pem.replaceAll(/-----[^-]*-----|\n/g, '')
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl: `https://${keys.origin}`,
        hashAlgorithm: 'SHA2_256',
        publicKey: {
          rawBytes: spki.toString('base64'),
          keyDetails: 'PKIX_ED25519',
          validFor: { start: new Date(keys.sinceMs).toISOString() },
        },
        logId: { keyId: logKeyId(keys.verifierKey).toString('base64') },
      },
    ],
    certificateAuthorities: [
      {
        subject,
        uri: 'https://ca.example',
        certChain: { certificates: [{ rawBytes: ca.toString('base64') }] },
        validFor: { start },
      },
    ],
    timestampAuthorities: keys.timestampChains.map(({ chain, sinceMs, untilMs }, i) => ({
      ...{ subject, uri: `https://${keys.origin}/${i}` },
      certChain: { certificates: chain.map((pem) => ({ rawBytes: derOf(pem) })) },
      validFor: {
        start: new Date(sinceMs).toISOString(),
        ...(untilMs === undefined ? {} : { end: new Date(untilMs).toISOString() }),
      },
    })),
    ctlogs: [],
  }
}

test('@sigstore/verify and our own verifier take bundles of this log, before and after the timestamps’ key was rotated', async (t) => {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder, { attestations: {} })
  const verifierKey = log.attestations?.verifierKey ?? ''
  const client = createAttestationLog({ url: log.url, appendToken: new Secret(token), verifierKey })
  t.after(() => client.close())
  const nowMs = Date.now()
  const authority = await newAuthority('ci.example.com', {
    notBeforeMs: nowMs - 60_000,
    notAfterMs: nowMs + 86_400_000,
  })
  const check = () => ({ ok: true as const, timeMs: nowMs })
  const signer = createKeylessSigner({ log: client, check, authority: () => authority, clock: systemClock })
  const before = await Promise.all([1, 2, 3].map(() => signer.statement(statement, who)))
  const rotated = await fetch(`${log.url}/attestations/timestamp/rotate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(rotated.status, 200)
  const bundles = [...before, await signer.statement(statement, who)]
  const root = rootOf(await client.keys(), authority.certificate)
  const trust = parseTrustedRoot(root)
  const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(root)), {
    ...{ ctlogThreshold: 0, tlogThreshold: 1, timestampThreshold: 1 },
  })
  for (const { json, logIndex } of bundles) {
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(json))), { subjectAlternativeName: who.san })
    const verdict = verifyBundle(json, trust)
    assert.ok(verdict.ok, JSON.stringify(verdict))
    assert.deepEqual([verdict.logIndex, verdict.signer.kind], [logIndex, 'certificate'])
    assert.ok(Math.abs(verdict.timeMs - nowMs) < 60_000)
  }
  assert.deepEqual(
    bundles.map(({ logIndex }) => logIndex).toSorted((a, b) => a - b),
    [0, 1, 2, 3],
  )
  // Of a log with another key, or another authority of timestamps, nothing is taken.
  const other = await openLog(t, await temporaryFolder(t), { attestations: {} })
  const stranger = createAttestationLog({
    ...{ url: other.url, appendToken: new Secret(token), verifierKey: other.attestations?.verifierKey ?? '' },
  })
  t.after(() => stranger.close())
  const strange = rootOf(await stranger.keys(), authority.certificate)
  assert.equal(verifyBundle(bundles[0]!.json, parseTrustedRoot(strange)).ok, false)
  const mixed = { ...strange, ...{ tlogs: (root as { tlogs: unknown }).tlogs } }
  const verdict = verifyBundle(bundles[0]!.json, parseTrustedRoot(mixed))
  assert.deepEqual([verdict.ok, 'reason' in verdict && verdict.reason], [false, 'untrusted_timestamp'])
})

test('a timestamp that is of another signature, was changed, or is by a stranger leaves no bundle', async (t) => {
  const [log, other] = [await openKeyed(t), await openKeyed(t)]
  const nowMs = Date.now()
  const authority = await newAuthority('ci.example.com', {
    notBeforeMs: nowMs - 60_000,
    notAfterMs: nowMs + 86_400_000,
  })
  const trust = parseTrustedRoot(rootOf(await log.keys(), authority.certificate))
  const check = (json: string) => verifyBundle(json, trust)
  const signerBy = (
    change: (timestamp: Buffer, entry: Uint8Array, signature: Uint8Array) => Promise<Buffer>,
  ) =>
    createKeylessSigner({
      ...{ check, authority: () => authority, clock: systemClock },
      log: {
        keys: () => log.keys(),
        async add(entry, signature) {
          const logged = await log.add(entry, signature)
          return { ...logged, timestamp: await change(logged.timestamp, entry, signature) }
        },
      },
    })
  let earlier: Buffer = Buffer.alloc(0)
  await signerBy(async (timestamp) => (earlier = timestamp)).statement(statement, who)
  const refused = async (change: Parameters<typeof signerBy>[0], message: RegExp) =>
    assert.rejects(signerBy(change).statement(statement, who), { code: 'audit_rejected', message })
  await refused(async () => earlier, /timestamp is of another signature/)
  await refused(async (timestamp) => flipped(timestamp), /did not sign its timestamp/)
  await refused(
    async (_, entry, signature) => (await other.add(entry, signature)).timestamp,
    /another authority/,
  )
})

async function openKeyed(t: TestContext) {
  const log = await openLog(t, await temporaryFolder(t), { attestations: {} })
  const verifierKey = log.attestations?.verifierKey ?? ''
  const client = createAttestationLog({ url: log.url, appendToken: new Secret(token), verifierKey })
  t.after(() => client.close())
  return client
}

function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes)
  changed[changed.length - 1]! ^= 1
  return changed
}

const python = (...args: string[]) =>
  spawnSync('python3', ['-B', ...args], { encoding: 'utf8', timeout: 60_000 })
const skip =
  python('-c', 'import sys; sys.exit(sys.version_info < (3, 11))').status !== 0 &&
  'there is no Python 3.11 or later'

test(
  'verify.py, which has no code of ours, verifies the log with the checkpoints that left in answers',
  { skip },
  async (t) => {
    const folder = await temporaryFolder(t)
    const log = await openLog(t, folder, { attestations: {} })
    const verifierKey = log.attestations?.verifierKey ?? ''
    const client = createAttestationLog({ url: log.url, appendToken: new Secret(token), verifierKey })
    const nowMs = Date.now()
    const authority = await newAuthority('ci.example.com', {
      notBeforeMs: nowMs - 60_000,
      notAfterMs: nowMs + 86_400_000,
    })
    const seen: string[] = []
    const watched = {
      ...client,
      async add(entry: Uint8Array, signature: Uint8Array) {
        const logged = await client.add(entry, signature)
        seen.push(logged.checkpoint)
        return logged
      },
    }
    const check = () => ({ ok: true as const, timeMs: nowMs })
    const signer = createKeylessSigner({
      log: watched,
      check,
      authority: () => authority,
      clock: systemClock,
    })
    for (let i = 0; i < 5; i++) await signer.statement(statement, who)
    await client.close()
    await log.close()
    const vkey = join(folder, 'given.vkey')
    await writeFile(vkey, `${verifierKey}\n`)
    const files = await Promise.all(
      seen.map(async (note, i) => {
        const path = join(folder, `checkpoint-${i}`)
        await writeFile(path, note)
        return ['--checkpoint', path]
      }),
    )
    const program = join(import.meta.dirname, '..', '..', '..', 'test', 'interop', 'verify.py')
    const ran = python(program, join(folder, 'attestations'), vkey, ...files.flat())
    const verdict = JSON.parse(ran.stdout) as { verified: boolean; size: number; problems: string[] }
    assert.deepEqual([verdict.verified, verdict.problems, verdict.size], [true, [], 5], ran.stderr)
    await writeFile(
      join(folder, 'checkpoint-0'),
      seen[0]!.replace(/\n[A-Za-z0-9+/]{43}=\n/, `\n${createHash('sha256').digest('base64')}\n`),
    )
    const fooled = python(program, join(folder, 'attestations'), vkey, ...files.flat())
    assert.equal(fooled.status, 1)
  },
)
