import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { createTestLog, logOrigin } from './attestation-log.fixture.ts'
import {
  createHeldKeySigner,
  createKeylessSigner,
  createKeySigner,
  logKeyId,
  logPublicKey,
  makeAuthority,
  type AttestationLog,
} from './index.ts'

const newKey = () => createKeySigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'k')
const clock = { nowMs: () => Date.now() }
const life = { notBeforeMs: Date.now() - 120_000, notAfterMs: Date.now() + 86_400_000 }
const who = {
  san: 'https://github.com/octo/app/.github/workflows/x.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
  claims: { sourceRepositoryIdentifier: '74' },
}
const statement = Buffer.from(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'a', digest: { sha256: 'a'.repeat(64) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
  }),
)
const accepts = () => ({ ok: true as const, timeMs: 1 })

async function sigstoreRoot(log: AttestationLog, certificate: Buffer) {
  const keys = await log.keys()
  const start = new Date(life.notBeforeMs).toISOString()
  const certificatesOf = (chain: readonly Buffer[]) => ({
    certificates: chain.map((one) => ({ rawBytes: one.toString('base64') })),
  })
  const derOf = (pem: string) => Buffer.from(pem.replace(/-----[A-Z ]+-----/g, ''), 'base64')
  const subject = { organization: 'x', commonName: 'x' }
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), logPublicKey(keys.verifierKey)])
  const root = TrustedRoot.fromJSON({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl: `https://${logOrigin}`,
        hashAlgorithm: 'SHA2_256',
        publicKey: { rawBytes: spki.toString('base64'), keyDetails: 'PKIX_ED25519', validFor: { start } },
        logId: { keyId: logKeyId(keys.verifierKey).toString('base64') },
      },
    ],
    certificateAuthorities: [
      { subject, uri: 'x', certChain: certificatesOf([certificate]), validFor: { start } },
    ],
    timestampAuthorities: [
      { subject, uri: 'y', certChain: certificatesOf(keys.timestampChain.map(derOf)), validFor: { start } },
    ],
    ctlogs: [],
  })
  return (held?: Buffer) =>
    new Verifier(
      toTrustMaterial(
        root,
        held === undefined
          ? undefined
          : {
              [createHash('sha256').update(held).digest('base64')]: {
                rawBytes: held,
                keyDetails: 5,
              },
            },
      ),
      { ctlogThreshold: 0, tlogThreshold: 1, timestampThreshold: 1 },
    )
}

test('@sigstore/verify takes bundles of statements and of files, by a leaf and by a key', async () => {
  using log = await createTestLog()
  const authority = await makeAuthority('ci.example.com', life, newKey())
  const verifier = await sigstoreRoot(log, authority.certificate)
  const keyless = createKeylessSigner({ log, check: accepts, authority: () => authority, clock })
  const signer = newKey()
  const held = createHeldKeySigner({ log, check: accepts, signer })
  const one = await keyless.statement(statement, who)
  const verified = verifier().verify(toSignedEntity(bundleFromJSON(JSON.parse(one.json))), {
    subjectAlternativeName: who.san,
    extensions: { issuer: who.issuer },
  })
  assert.equal(verified.identity?.subjectAlternativeName, who.san)
  assert.equal(one.statementSha256, createHash('sha256').update(statement).digest('hex'))
  const file = Buffer.from('sums\n')
  const two = await keyless.message(file, who)
  verifier().verify(toSignedEntity(bundleFromJSON(JSON.parse(two.json)), file))
  assert.throws(() =>
    verifier().verify(toSignedEntity(bundleFromJSON(JSON.parse(two.json)), Buffer.from('other'))),
  )
  const spki = await signer.publicKey()
  for (const bundle of [await held.statement(statement, who), await held.message(file, who)]) {
    verifier(spki).verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle.json)), file))
    assert.equal(bundle.by, createHash('sha256').update(spki).digest('hex'))
  }
  assert.equal(log.size(), 4)
})

test('a bundle that does not verify is not handed out', async () => {
  using log = await createTestLog()
  const authority = await makeAuthority('ci.example.com', life, newKey())
  const check = () => ({ ok: false as const, detail: 'the timestamp lies outside the certificate' })
  const keyless = createKeylessSigner({ log, check, authority: () => authority, clock })
  await assert.rejects(keyless.statement(statement, who), {
    code: 'audit_rejected',
    message: /timestamp lies outside/,
  })
})

test('a log that signs by another key than it tells is refused', async () => {
  using log = await createTestLog()
  using other = await createTestLog()
  const authority = () => makeAuthority('ci.example.com', life, newKey())
  const lying = { add: log.add, keys: other.keys }
  const keyless = createKeylessSigner({ log: lying, check: accepts, authority, clock })
  await assert.rejects(keyless.statement(statement, who), { code: 'audit_rejected' })
})
