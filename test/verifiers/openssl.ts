import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { preAuthEncoding } from '../../src/attest/verify/index.ts'
import type { AuthorityJson, BundleJson, RootJson } from '../../src/attest/verify/shapes.fixture.ts'
import type { Case, Material, Verdict, Verifier } from './case.ts'
import { askProgram } from './program.ts'

const good = [
  ...['a statement by a certificate', 'one whose certificate a log promised to log'],
  'mayfly run: provenance of a file',
  ...['a verification summary by a certificate', 'mayfly verify --vsa: a verification summary'],
]
const times = [
  'as Mayfly signs: a file by a key',
  ...['a file by a certificate', 'a statement by a key', 'a file by a key'],
  ...[
    'a flipped bit in the signature',
    'a flipped bit in the timestamp',
    'the timestamp is of another signature',
  ],
  'the root is another one',
]
const signatures = [
  ...['a flipped bit in the payload', 'a flipped bit in the signature'],
  'a verification summary that said FAILED',
]
const chains = [
  'a file by a certificate',
  'a flipped bit in the certificate',
  'the leaf has expired',
  'the timestamp is older than the leaf',
  'the root is another one',
]

/** OpenSSL checks one part each: whoever has no other tool checks them one after the other. */
export const openssl: readonly Verifier[] = [
  part('openssl ts -verify', [...good, ...times], timestampOf),
  part('openssl dgst -verify', [...good, ...signatures], signatureOf),
  part('openssl verify', [...good, ...chains], chainOf),
]

function part(
  name: string,
  cases: readonly string[],
  verify: (bundle: BundleJson, root: RootJson, folder: string) => Verdict,
): Verifier {
  return {
    ...{ name, needs: ['openssl'], isPeer: false, otherwise: {} },
    knows: (one: Case) => cases.includes(one.name),
    verify: ({ text, trustedRoot }: Material, _one: Case, folder: string) =>
      Promise.resolve(verify(JSON.parse(text) as BundleJson, JSON.parse(trustedRoot) as RootJson, folder)),
  }
}

function timestampOf(
  bundle: BundleJson,
  { timestampAuthorities: [authority] }: RootJson,
  folder: string,
): Verdict {
  const [leaf, root] = pemsOf(authority)
  const file = writer(folder)
  const [only] = bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps
  const args = [
    '-data',
    file('signature', bytesOf(signatureIn(bundle))),
    '-in',
    file('response', bytesOf(only?.signedTimestamp)),
  ]
  const trust = ['-CAfile', file('root.pem', root), '-untrusted', file('leaf.pem', leaf)]
  return askProgram('openssl', ['ts', '-verify', ...args, ...trust], folder)
}

function signatureOf(bundle: BundleJson, _root: RootJson, folder: string): Verdict {
  const file = writer(folder)
  const { payload, payloadType } = bundle.dsseEnvelope ?? { payload: '', payloadType: '' }
  const { publicKey } = new X509Certificate(bytesOf(bundle.verificationMaterial.certificate?.rawBytes))
  const key = file('key.pem', publicKey.export({ type: 'spki', format: 'pem' }))
  const signed = file('signed', preAuthEncoding(payloadType, bytesOf(payload)))
  const signature = file('signature', bytesOf(signatureIn(bundle)))
  return askProgram('openssl', ['dgst', '-sha256', '-verify', key, '-signature', signature, signed], folder)
}

/** At the time that the timestamp says. */
function chainOf(
  bundle: BundleJson,
  { certificateAuthorities: [authority] }: RootJson,
  folder: string,
): Verdict {
  const file = writer(folder)
  const [only] = bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps
  const response = file('response', bytesOf(only?.signedTimestamp))
  const text = askProgram(
    'openssl',
    ['ts', '-reply', '-in', response, '-text', '-out', join(folder, 'text')],
    folder,
  )
  if (!text.isTaken) return text
  const seconds = Math.floor(timeIn(join(folder, 'text')) / 1000)
  const [root] = pemsOf(authority)
  const leaf = file('leaf.pem', pemOf(bundle.verificationMaterial.certificate?.rawBytes))
  const purpose = ['-purpose', 'any', '-attime', String(seconds)]
  return askProgram('openssl', ['verify', ...purpose, '-CAfile', file('root.pem', root), leaf], folder)
}

function timeIn(file: string): number {
  const time = /Time stamp: (.*)/.exec(readFileSync(file, 'utf8'))?.[1] ?? ''
  return Date.parse(time.replace(/\.\d+/, ''))
}

function signatureIn({ dsseEnvelope, messageSignature }: BundleJson): string | undefined {
  return dsseEnvelope?.signatures[0]?.sig ?? messageSignature?.signature
}

function bytesOf(base64 = ''): Buffer {
  return Buffer.from(base64, 'base64')
}

function pemsOf(authority: AuthorityJson | undefined): [string, string] {
  const [first = '', second = ''] = (authority?.certChain.certificates ?? []).map(({ rawBytes }) =>
    pemOf(rawBytes),
  )
  return [first, second]
}

function pemOf(base64 = ''): string {
  const lines = base64.match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function writer(folder: string) {
  return (name: string, content: string | Buffer): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
}
