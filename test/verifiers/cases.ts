import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { preAuthEncoding } from '../../src/attest/verify/index.ts'
import { issuer, workflow } from '../../src/attest/verify/certificates.fixture.ts'
import type { BundleJson, RootJson } from '../../src/attest/verify/shapes.fixture.ts'
import {
  createWorld,
  payloadType,
  statementOf,
  type Change,
  type World,
} from '../../src/attest/verify/world.fixture.ts'
import type { Case, Material } from './case.ts'
import { changes, roots } from './changes.ts'

const app = Buffer.from('app')
const identity = { san: workflow, issuer }
const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')

/** One of everything, and each thing that may be wrong with it on its own. */
export async function casesOf(): Promise<readonly Case[]> {
  const [world, other] = [await createWorld(), await createWorld()]
  return [...goodCases(world), ...badBundles(world, other), ...envelopeCases()]
}

function goodCases(world: World): readonly Case[] {
  return [
    good('statement', 'certificate', 'a statement by a certificate', () => byCertificate(world)),
    good('statement', 'certificate', 'one whose certificate a log promised to log', () => promised(world)),
    good('statement', 'key', 'a statement by a key', () => byKey(world)),
    good('file', 'certificate', 'a file by a certificate', () => byCertificate(world, { message: app })),
    good('file', 'certificate', 'a file whose certificate a log promised to log', () =>
      promised(world, { message: app }),
    ),
    good('file', 'key', 'a file by a key', () => byKey(world, { message: app })),
  ]
}

function bad(
  name: string,
  make: () => Promise<Material>,
  by: Case['by'] = 'certificate',
  format: Case['format'] = 'statement',
): Case {
  return { name, make, by, format, isGood: false }
}

function badBundles(world: World, other: World): readonly Case[] {
  const changed = (name: keyof typeof changes) =>
    bad(name, async () => {
      const material = await promised(world)
      const bundle = JSON.parse(material.text) as BundleJson
      changes[name]?.(bundle)
      return { ...material, text: JSON.stringify(bundle) }
    })
  const expecting = (name: string, fields: Partial<Material>) =>
    bad(name, async () => ({ ...(await promised(world)), ...fields }))
  return [
    ...Object.keys(changes).map(changed),
    ...badSigning(world),
    ...badRoots(world, other),
    expecting('an artifact with another digest', { artifact: Buffer.from('apq') }),
    expecting('another identity is expected', { identity: { san: `${workflow}x`, issuer } }),
    expecting('another issuer is expected', { identity: { san: workflow, issuer: 'https://other.test' } }),
    bad(
      'the key is another one',
      async () => ({ ...(await byKey(world)), publicKey: (await other.byKey()).publicKey }),
      'key',
    ),
    bad(
      'the file is another one',
      async () => ({ ...(await promised(world, { message: app })), artifact: Buffer.from('apq') }),
      'certificate',
      'file',
    ),
  ]
}

function badSigning(world: World): readonly Case[] {
  const made = (name: string, change: Change) => bad(name, () => promised(world, change))
  const twice = statementOf().toString().replace('{', '{"predicateType":"https://slsa.dev/provenance/v1",')
  const confused = [
    { name: 'app', digest: { sha256: sha256('other') } },
    { name: sha256(app), digest: { sha512: createHash('sha512').update('other').digest('hex') } },
  ]
  return [
    made('the leaf has expired', { leaf: { notAfterMs: world.nowMs - 2000 } }),
    made('the timestamp is older than the leaf', { timestamp: { timeMs: world.nowMs - 3_600_000 } }),
    made('the timestamp is of another signature', { timestamp: { of: Buffer.from('other') } }),
    made('the entry is of another digest', {
      entry: (entry) =>
        JSON.parse(JSON.stringify(entry).replace(/"digest":"..../, '"digest":"AAAA')) as unknown,
    }),
    made('a name stands twice in the statement', { statement: Buffer.from(twice) }),
    made('the subjects have its name, and other digests', { statement: statementOf({ subject: confused }) }),
  ]
}

function badRoots(world: World, { trustedRoot: other }: World): readonly Case[] {
  const under = (name: string, fields: Partial<RootJson>) =>
    bad(name, async () => {
      const material = await promised(world)
      const root = JSON.parse(material.trustedRoot) as RootJson
      return { ...material, trustedRoot: JSON.stringify({ ...root, ...fields }) }
    })
  const { ctlogs } = roots.withCertificateLog(world, certificateLog)
  return [
    under('the root is another one', { ...other, ctlogs }),
    under('the authority’s key was revoked before', roots.revoked(world, 'certificateAuthorities')),
    under('the timestamp authority’s key was revoked before', roots.revoked(world, 'timestampAuthorities')),
    under('the root has another log', { tlogs: other.tlogs }),
  ]
}

function good(format: Case['format'], by: Case['by'], name: string, make: () => Promise<Material>): Case {
  return { name, format, by, isGood: true, make }
}

const certificateLog = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey

/** Some verifiers take no certificate without that, so what is bad is bad in one thing alone. */
export async function promised(world: World, change: Change = {}): Promise<Material> {
  const promisedBy = [{ key: certificateLog, timeMs: world.nowMs }]
  return {
    ...(await byCertificate(world, { ...change, leaf: { ...change.leaf, promisedBy } })),
    trustedRoot: JSON.stringify(roots.withCertificateLog(world, certificateLog)),
    isPromised: true,
  }
}

export async function byCertificate(world: World, change: Change = {}): Promise<Material> {
  const text = JSON.stringify(await world.bundle(change))
  return { text, trustedRoot: JSON.stringify(world.trustedRoot), artifact: app, identity, isPromised: false }
}

export async function byKey(world: World, change: Change = {}): Promise<Material> {
  const { bundle, publicKey } = await world.byKey(change)
  const trustedRoot = JSON.stringify(world.trustedRoot)
  return { text: JSON.stringify(bundle), trustedRoot, publicKey, artifact: app, identity, isPromised: false }
}

/** `*.intoto.jsonl`, one line. */
function envelopeCases(): readonly Case[] {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  const one = (
    name: string,
    isGood: boolean,
    fields: { by?: KeyObject; statement?: Buffer; instead?: Buffer; artifact?: Buffer },
  ): Case => ({
    ...{ name: `plain envelope: ${name}`, format: 'envelope', by: 'key', isGood },
    make: () => {
      const statement = fields.statement ?? statementOf()
      const sig = sign('sha256', preAuthEncoding(payloadType, statement), fields.by ?? privateKey)
      const payload = (fields.instead ?? statement).toString('base64')
      const text = JSON.stringify({
        payload,
        payloadType,
        signatures: [{ keyid: '', sig: sig.toString('base64') }],
      })
      const material = {
        text,
        trustedRoot: '',
        publicKey: pem,
        artifact: fields.artifact ?? app,
        identity,
        isPromised: false,
      }
      return Promise.resolve(material)
    },
  })
  const twice = statementOf().toString().replace('{', '{"predicateType":"https://slsa.dev/provenance/v1",')
  return [
    one('a statement', true, {}),
    one('by another key', false, { by: other }),
    one('another payload', false, { instead: statementOf({ predicateType: 'https://a.test' }) }),
    one('an artifact with another digest', false, { artifact: Buffer.from('apq') }),
    one('a name stands twice in the statement', false, { statement: Buffer.from(twice) }),
  ]
}
