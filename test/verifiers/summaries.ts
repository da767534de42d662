import 'reflect-metadata'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { encodeStatement, vsaOf } from '../../src/attest/statements/index.ts'
import { predicateWords, preAuthEncoding } from '../../src/attest/verify/index.ts'
import { claimOf } from '../../src/attest/verify/certificates.fixture.ts'
import type { BundleJson } from '../../src/attest/verify/shapes.fixture.ts'
import { createWorld, payloadType, type Change } from '../../src/attest/verify/world.fixture.ts'
import type { Case, Material } from './case.ts'
import { byCertificate, byKey, promised } from './cases.ts'

const app = Buffer.from('app')
const server = 'https://mayfly.test'
const identity = { san: `${server}/verifier`, issuer: server }
const predicateType = predicateWords['vsa'] ?? ''
const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')

/** SLSA's summary of what was verified, as the server signs it: by itself, for no job. */
export async function summaryCases(): Promise<readonly Case[]> {
  const world = await createWorld()
  const change = { statement: summaryOf(), leaf: leafOfServer }
  const one = (
    name: string,
    isGood: boolean,
    make: () => Promise<Material>,
    by: Case['by'] = 'certificate',
    format: Case['format'] = 'statement',
  ): Case => ({
    ...{ name, isGood, by, format },
    make: async () => ({ ...(await make()), predicateType, identity }),
  })
  const bad = (name: string, make: () => Promise<Material>) => one(name, false, make)
  return [
    one('a verification summary by a certificate', true, () => byCertificate(world, change)),
    one('one whose certificate a log promised to log, a summary', true, () => promised(world, change)),
    one('a verification summary by a key', true, () => byKey(world, { statement: summaryOf() }), 'key'),
    one('plain envelope: a verification summary', true, () => envelopeOf(summaryOf()), 'key', 'envelope'),
    bad('a verification summary of another artifact', () =>
      promised(world, { ...change, statement: summaryOf({ about: 'apq' }) }),
    ),
    bad('a verification summary by a job', () => promised(world, { statement: summaryOf() })),
    bad('a verification summary that says FAILED', () =>
      promised(world, { ...change, statement: summaryOf({ passed: false }) }),
    ),
    bad('a verification summary that said FAILED', async () => {
      const failed = await promised(world, { ...change, statement: summaryOf({ passed: false }) })
      const bundle = JSON.parse(failed.text) as BundleJson
      bundle.dsseEnvelope!.payload = summaryOf().toString('base64')
      return { ...failed, text: JSON.stringify(bundle) }
    }),
    one(
      'plain envelope: a verification summary that said FAILED',
      false,
      () => envelopeOf(summaryOf({ passed: false }), summaryOf()),
      'key',
      'envelope',
    ),
  ]
}

function summaryOf({ about = 'app', passed = true } = {}): Buffer {
  const statement = vsaOf({
    verifier: { id: identity.san, version: '0.1.0' },
    timeMs: Date.parse('2026-11-29T12:00:00Z'),
    resourceUri: 'pkg:npm/app@1.0.0',
    subject: { name: 'app.tgz', digest: `sha256:${sha256(about)}` },
    policy: { uri: `${server}/policy`, sha256: sha256('a policy') },
    attestations: [{ sha256: sha256('a provenance') }],
    ...{ passed, tier: 'B', isEphemeral: true },
  })
  return Buffer.from(encodeStatement(statement))
}

/** The server's own certificate has its name and itself as the issuer, and no claims of a job. */
const leafOfServer: NonNullable<Change['leaf']> = {
  extensions: {
    ...Object.fromEntries([9, 11, 12, 13, 14, 15, 20, 24].map((number) => [`claim${number}`, undefined])),
    name: new x509.SubjectAlternativeNameExtension([{ type: 'url', value: identity.san }], true),
    oldIssuer: new x509.Extension('1.3.6.1.4.1.57264.1.1', false, Buffer.from(server)),
    claim8: claimOf(8, server),
  },
}

/** As `mayfly verify --vsa app.intoto.jsonl` writes it, and slsa-verifier's verify-vsa reads it. */
async function envelopeOf(signed: Buffer, shown = signed): Promise<Material> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const sig = sign('sha256', preAuthEncoding(payloadType, signed), privateKey).toString('base64')
  const text = JSON.stringify({
    ...{ payload: shown.toString('base64'), payloadType, signatures: [{ keyid: '', sig }] },
  })
  return {
    ...{ text, trustedRoot: '', artifact: app, identity, isPromised: false },
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }),
  }
}
