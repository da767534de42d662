import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createAttestationLog,
  createHeldKeySigner,
  createKeySigner,
  logKeyId,
  logPublicKey,
  type BundleSigner,
  type LogKeys,
} from '../../src/attest/sign/index.ts'
import { joinTrust, parseTrustedRoot, trustKey, verifyBundle } from '../../src/attest/verify/index.ts'
import { issuer, workflow } from '../../src/attest/verify/certificates.fixture.ts'
import { statementOf } from '../../src/attest/verify/world.fixture.ts'
import { startLog, token } from '../../src/audit/log/log.fixture.ts'
import { Secret } from '../../src/lib/index.ts'
import type { Case, Material } from './case.ts'

const app = Buffer.from('app')
const who = { san: workflow, issuer, claims: { sourceRepositoryIdentifier: '1234' } }

type Name = 'a statement by a key' | 'a file by a key'

/** As the server signs by a key that is kept elsewhere: into its own log, with its own times. */
export function ownCases(): readonly Case[] {
  let made: Promise<Readonly<Record<Name, Material>>> | undefined
  const one = (name: Name): Case => ({
    name: `as Mayfly signs: ${name}`,
    format: name.includes('statement') ? 'statement' : 'file',
    by: 'key',
    isGood: true,
    async make() {
      made ??= signAll()
      return (await made)[name]
    },
  })
  return [one('a statement by a key'), one('a file by a key')]
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
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  const trustedRoot = rootOf(await log.keys())
  const trust = joinTrust(parseTrustedRoot(trustedRoot), trustKey(pem))
  const deps = { log, check: (json: string) => verifyBundle(json, trust) }
  const held = createHeldKeySigner({ ...deps, signer: createKeySigner(privateKey, 'a key of the test') })
  const signed = async (signing: ReturnType<BundleSigner['message']>): Promise<Material> => ({
    ...{ text: (await signing).json, trustedRoot: JSON.stringify(trustedRoot), publicKey: pem },
    ...{ artifact: app, isPromised: false, identity: who },
  })
  return {
    'a statement by a key': await signed(held.statement(statementOf(), who)),
    'a file by a key': await signed(held.message(app, who)),
  }
}

function rootOf({ origin, verifierKey, timestampChain, sinceMs }: LogKeys): unknown {
  const validFor = { start: new Date(Math.floor(sinceMs / 1000) * 1000).toISOString() }
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), logPublicKey(verifierKey)])
  const certificates = timestampChain.map((one) => ({
    rawBytes: new X509Certificate(one).raw.toString('base64'),
  }))
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        ...{ baseUrl: `https://${origin}`, hashAlgorithm: 'SHA2_256' },
        publicKey: { rawBytes: spki.toString('base64'), keyDetails: 'PKIX_ED25519', validFor },
        logId: { keyId: logKeyId(verifierKey).toString('base64') },
      },
    ],
    certificateAuthorities: [],
    timestampAuthorities: [
      {
        ...{ subject: { organization: origin, commonName: origin }, uri: `https://${origin}`, validFor },
        certChain: { certificates },
      },
    ],
    ctlogs: [],
  }
}
