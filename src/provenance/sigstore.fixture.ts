import 'reflect-metadata'
import { createHash, generateKeyPairSync, sign, webcrypto, type KeyObject } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** A Sigstore of the test's own: an authority for certificates (as Fulcio), and a log (as Rekor v1), with their keys. */
export interface TestSigstore {
  /** `application/vnd.dev.sigstore.trustedroot+json`, for `parseTrustedRoot`. */
  readonly trustedRoot: unknown
  /** A bundle about one file, signed by a build of this repository. */
  attest(about: {
    name: string
    digest: Readonly<Record<string, string>>
    repository: string
    repositoryId?: string
    predicateType?: string
  }): Promise<TestBundle>
}

export interface TestBundle {
  readonly mediaType: string
  readonly verificationMaterial: { certificate: { rawBytes: string }; tlogEntries: unknown[] }
  readonly dsseEnvelope: {
    payload: string
    payloadType: string
    signatures: { sig: string; keyid: string }[]
  }
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const payloadType = 'application/vnd.in-toto+json'
export const slsa = 'https://slsa.dev/provenance/v1'

export async function createTestSigstore(): Promise<TestSigstore> {
  const authority = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const log = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const logKey = log.publicKey.export({ type: 'spki', format: 'der' })
  const logId = createHash('sha256').update(logKey).digest()
  const nowMs = Date.now()
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'O=sigstore.test, CN=sigstore',
    keys: authority,
    signingAlgorithm: algorithm,
    notBefore: new Date(nowMs - 3_600_000),
    notAfter: new Date(nowMs + 3_600_000),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authority.publicKey),
    ],
  })
  const validFor = { start: new Date(nowMs - 3_600_000).toISOString() }
  return {
    trustedRoot: {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [
        {
          ...{ baseUrl: 'https://rekor.test', hashAlgorithm: 'SHA2_256' },
          publicKey: {
            ...{ rawBytes: logKey.toString('base64'), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
          },
          logId: { keyId: logId.toString('base64') },
        },
      ],
      certificateAuthorities: [
        {
          subject: { organization: 'sigstore.test', commonName: 'sigstore' },
          uri: 'https://fulcio.test',
          certChain: { certificates: [{ rawBytes: Buffer.from(ca.rawData).toString('base64') }] },
          validFor,
        },
      ],
      ctlogs: [],
      timestampAuthorities: [],
    },
    async attest({ name, digest, repository, repositoryId, predicateType = slsa }) {
      const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const certificate = await leafOf({
        ca,
        authority: authority,
        key: keys.publicKey,
        repository,
        repositoryId,
      })
      const statement = {
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ name, digest }],
        predicateType,
        predicate: {},
      }
      const payload = Buffer.from(JSON.stringify(statement))
      const pae = Buffer.concat([
        Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
        payload,
      ])
      const sig = sign('sha256', pae, keys.privateKey).toString('base64')
      return {
        mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
        verificationMaterial: {
          certificate: { rawBytes: Buffer.from(certificate.rawData).toString('base64') },
          tlogEntries: [
            entryOf({ payload, sig, certificate: certificate.toString('pem'), logId, log: log.privateKey }),
          ],
        },
        dsseEnvelope: { payload: payload.toString('base64'), payloadType, signatures: [{ sig, keyid: '' }] },
      }
    },
  }
}

async function leafOf(options: {
  ca: x509.X509Certificate
  authority: webcrypto.CryptoKeyPair
  key: KeyObject
  repository: string
  repositoryId: string | undefined
}): Promise<x509.X509Certificate> {
  const { ca, authority, key, repository, repositoryId } = options
  const spki = key.export({ type: 'spki', format: 'der' })
  const publicKey = await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify'])
  const builder = `${repository}/.github/workflows/release.yml@refs/tags/@octo/core@1.0.0`
  const fulcio: readonly (readonly [number, string | undefined])[] = [
    [8, 'https://token.actions.githubusercontent.com'],
    [9, builder],
    [12, repository],
    [13, 'a'.repeat(40)],
    [15, repositoryId],
  ]
  return x509.X509CertificateGenerator.create({
    ...{ subject: '', issuer: ca.subject, signingAlgorithm: algorithm },
    publicKey: publicKey,
    signingKey: authority.privateKey,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 540_000),
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.3']),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: builder }], true),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
      ...fulcio.flatMap(([number, text]) =>
        text === undefined
          ? []
          : [new x509.Extension(`1.3.6.1.4.1.57264.1.${number}`, false, utf8String(text))],
      ),
    ],
  })
}

function utf8String(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = bytes.length < 0x80 ? [bytes.length] : [0x81, bytes.length]
  return Buffer.concat([Buffer.from([0x0c, ...length]), bytes])
}

/** The only entry of a log of one, with its promise and its proof. */
function entryOf(options: {
  payload: Buffer
  sig: string
  certificate: string
  logId: Buffer
  log: KeyObject
}): unknown {
  const { payload, sig, certificate, logId, log } = options
  const body = Buffer.from(
    JSON.stringify({
      apiVersion: '0.0.1',
      kind: 'dsse',
      spec: {
        envelopeHash: { algorithm: 'sha256', value: '0'.repeat(64) },
        payloadHash: { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') },
        signatures: [{ signature: sig, verifier: Buffer.from(certificate).toString('base64') }],
      },
    }),
  )
  const integratedTime = Math.floor(Date.now() / 1000)
  // As JSON Canonicalization Scheme orders it.
  const promised = JSON.stringify({
    ...{ body: body.toString('base64'), integratedTime, logID: logId.toString('hex'), logIndex: 0 },
  })
  const root = createHash('sha256')
    .update(Buffer.concat([Buffer.of(0), body]))
    .digest()
  const text = `rekor.test\n1\n${root.toString('base64')}\n`
  const hinted = Buffer.concat([logId.subarray(0, 4), sign('sha256', Buffer.from(text), log)])
  return {
    ...{ logIndex: '0', logId: { keyId: logId.toString('base64') }, integratedTime: String(integratedTime) },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    inclusionPromise: { signedEntryTimestamp: sign('sha256', Buffer.from(promised), log).toString('base64') },
    inclusionProof: {
      ...{ logIndex: '0', treeSize: '1', hashes: [], rootHash: root.toString('base64') },
      checkpoint: { envelope: `${text}\n\u2014 rekor.test ${hinted.toString('base64')}\n` },
    },
    canonicalizedBody: body.toString('base64'),
  }
}

/** The same attestation as a Python index has it (PEP 740). */
export function pep740(bundle: TestBundle, publisher: unknown = { kind: 'GitHub' }): unknown {
  const { certificate, tlogEntries } = bundle.verificationMaterial
  const { payload, signatures } = bundle.dsseEnvelope
  return {
    version: 1,
    attestation_bundles: [
      {
        publisher,
        attestations: [
          {
            version: 1,
            verification_material: { certificate: certificate.rawBytes, transparency_entries: tlogEntries },
            envelope: { statement: payload, signature: signatures[0]?.sig },
          },
        ],
      },
    ],
  }
}
