import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createAttestationLog,
  createHeldKeySigner,
  createKeylessSigner,
  createKeySigner,
  logKeyId,
  logPublicKey,
  makeAuthority,
  type BundleSigner,
  type LogKeys,
} from '../../src/attest/sign/index.ts'
import { joinTrust, parseTrustedRoot, trustKey, verifyBundle } from '../../src/attest/verify/index.ts'
import { issuer, workflow } from '../../src/attest/verify/certificates.fixture.ts'
import { statementOf } from '../../src/attest/verify/world.fixture.ts'
import { startLog, token } from '../../src/audit/log/log.fixture.ts'
import { Secret, systemClock } from '../../src/lib/index.ts'
import type { Case, Material } from './case.ts'

const app = Buffer.from('app')
const who = { san: workflow, issuer, claims: { sourceRepositoryIdentifier: '1234' } }

type Name =
  | 'a statement by a certificate'
  | 'a statement by a key'
  | 'a file by a certificate'
  | 'a file by a key'

/** As the server signs: its own authority, keys, log and times, and none of the test's. */
export function ownCases(): readonly Case[] {
  let made: Promise<Readonly<Record<Name, Material>>> | undefined
  const one = (name: Name): Case => ({
    name: `as Mayfly signs: ${name}`,
    format: name.includes('statement') ? 'statement' : 'file',
    by: name.includes('key') ? 'key' : 'certificate',
    isGood: true,
    async make() {
      made ??= signAll()
      return (await made)[name]
    },
  })
  return [
    one('a statement by a certificate'),
    one('a statement by a key'),
    one('a file by a certificate'),
    one('a file by a key'),
  ]
}

async function signAll(): Promise<Readonly<Record<Name, Material>>> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-verifiers-log-'))
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }))
  const process = await startLog(folder, { attestations: {} })
  opened.defer(() => process.close())
  const verifierKey = process.attestations?.verifierKey ?? ''
  const log = createAttestationLog({ url: process.url, appendToken: new Secret(token), verifierKey })
  opened.defer(() => log.close())
  const nowMs = Date.now()
  const authority = makeAuthority('mayfly.test', {
    notBeforeMs: nowMs - 60_000,
    notAfterMs: nowMs + 86_400_000,
  })
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  const trustedRoot = rootOf(await log.keys(), authority.certificate, nowMs)
  const trust = joinTrust(parseTrustedRoot(trustedRoot), trustKey(pem))
  const deps = { log, check: (json: string) => verifyBundle(json, trust) }
  const keyless = createKeylessSigner({ ...deps, authority: () => authority, clock: systemClock })
  const held = createHeldKeySigner({ ...deps, signer: createKeySigner(privateKey, 'a key of the test') })
  const signed = async (signing: ReturnType<BundleSigner['message']>, byKey: boolean): Promise<Material> => ({
    text: (await signing).json,
    trustedRoot: JSON.stringify(trustedRoot),
    ...(byKey ? { publicKey: pem } : {}),
    ...{ artifact: app, isPromised: false, identity: { san: workflow, issuer } },
  })
  return {
    'a statement by a certificate': await signed(keyless.statement(statementOf(), who), false),
    'a statement by a key': await signed(held.statement(statementOf(), who), true),
    'a file by a certificate': await signed(keyless.message(app, who), false),
    'a file by a key': await signed(held.message(app, who), true),
  }
}

function rootOf(
  { origin, verifierKey, timestampChain }: LogKeys,
  certificate: Buffer,
  nowMs: number,
): unknown {
  const validFor = { start: new Date(nowMs - 86_400_000).toISOString() }
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), logPublicKey(verifierKey)])
  const authority = (name: string, chain: readonly Buffer[]) => ({
    ...{ subject: { organization: name, commonName: name }, uri: `https://${name}`, validFor },
    certChain: { certificates: chain.map((raw) => ({ rawBytes: raw.toString('base64') })) },
  })
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        ...{ baseUrl: `https://${origin}`, hashAlgorithm: 'SHA2_256' },
        publicKey: { rawBytes: spki.toString('base64'), keyDetails: 'PKIX_ED25519', validFor },
        logId: { keyId: logKeyId(verifierKey).toString('base64') },
      },
    ],
    certificateAuthorities: [authority('mayfly.test', [certificate])],
    timestampAuthorities: [
      authority(
        'times.mayfly.test',
        timestampChain.map((one) => new X509Certificate(one).raw),
      ),
    ],
    ctlogs: [],
  }
}
