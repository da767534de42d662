import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify,
  webcrypto,
} from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Extension } from '@peculiar/x509'
import { systemFs } from '../../audit/disk/index.ts'
import { createSigner, signNote } from '../../audit/sign/index.ts'
import { createSteadyTime, openTimestampAuthority } from '../../audit/timestamp/index.ts'
import { referencePath, referenceRoot } from '../../audit/verify/reference.fixture.ts'
import { leafHash } from '../../audit/verify/index.ts'
import { der, readDer } from '../../der/index.ts'
import {
  claimOf,
  createAuthority,
  issuer,
  leafOf,
  type IssuingAuthority,
} from '../verify/certificates.fixture.ts'
import { canonicalJson } from '../verify/canonical.fixture.ts'

/*
 * A stand-in of an instance of Sigstore, written from the API that is published: Fulcio v2 (fulcio.proto), Rekor v2 (rekor-tiles,
 * rekor_service.proto and CLIENTS.md), the timestamp authority (openapi.yaml). It is none of their programs.
 */

type Json = Readonly<Record<string, unknown>>

export interface Asked {
  readonly path: string
  readonly type: string | undefined
  readonly text: string
}

/** What a test has answered in another way. */
export interface Changes {
  certificate?: (leaf: Buffer) => Buffer
  promise?: boolean
  entry?: (answer: Json) => Json
  timestamp?: (answer: Buffer) => Buffer
  status?: (path: string) => { status: number; text: string } | undefined
}

export async function startInstance(t: { after(end: () => void): void }) {
  const nowMs = Date.now()
  const [fulcio, promises] = [
    await createAuthority('fulcio.test', nowMs),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ]
  const log = createSigner('127.0.0.1', randomBytes(32))
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-sigstore-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const clock = { nowMs: () => Date.now() }
  const times = await openTimestampAuthority(
    systemFs,
    folder,
    createSteadyTime(clock, () => 0),
  )
  const leaves: Uint8Array[] = [1, 2, 3].map(() => new Uint8Array(randomBytes(32)))
  const asked: Asked[] = []
  const changes: Changes = {}

  async function certificateFor(body: Json): Promise<Json> {
    const { credentials, publicKeyRequest } = body as {
      credentials: { oidcIdentityToken: string }
      publicKeyRequest: { publicKey: { algorithm: string; content: string }; proofOfPossession: string }
    }
    const claims = JSON.parse(
      Buffer.from(credentials.oidcIdentityToken.split('.')[1] ?? '', 'base64url').toString(),
    ) as {
      iss: string
      sub: string
      repository_id: string
      sha: string
    }
    const key = createPublicKey(publicKeyRequest.publicKey.content)
    const proof = Buffer.from(publicKeyRequest.proofOfPossession, 'base64')
    if (!verify('sha256', Buffer.from(claims.sub), key, proof)) throw new Error('proof of possession')
    const claimed = {
      ...{
        claim8: claimOf(8, claims.iss),
        claim13: claimOf(13, claims.sha),
        claim15: claimOf(15, claims.repository_id),
      },
      oldIssuer: new Extension('1.3.6.1.4.1.57264.1.1', false, Buffer.from(claims.iss)),
    }
    const leaf = Buffer.from((await leafOf(fulcio, key, Date.now(), { extensions: claimed })).rawData)
    const promised = changes.promise === false ? leaf : await withPromise(leaf, fulcio, promises.privateKey)
    const pem = pemOf(changes.certificate?.(promised) ?? promised)
    return {
      signedCertificateEmbeddedSct: { chain: { certificates: [pem, fulcio.certificate.toString('pem')] } },
    }
  }

  function entryFor(body: Json): Json {
    const { digest, signature } = body['hashedRekordRequestV002'] as { digest: string; signature: Json }
    const spec = { hashedRekordV002: { data: { algorithm: 'SHA2_256', digest }, signature } }
    const canonical = Buffer.from(canonicalJson({ apiVersion: '0.0.2', kind: 'hashedrekord', spec }))
    const index = leaves.push(leafHash(canonical)) - 1
    const root = Buffer.from(referenceRoot(leaves)).toString('base64')
    return {
      logIndex: String(index),
      logId: { keyId: keyIdOf(log.verifierKey).toString('base64') },
      kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
      integratedTime: '0',
      inclusionPromise: null,
      inclusionProof: {
        logIndex: String(index),
        // As a released version had it: the hex of it, in base64. Clients are told not to read it.
        rootHash: Buffer.from(Buffer.from(root, 'base64').toString('hex')).toString('base64'),
        treeSize: String(leaves.length),
        hashes: referencePath(index, leaves).map((hash) => Buffer.from(hash).toString('base64')),
        checkpoint: { envelope: signNote(`127.0.0.1\n${leaves.length}\n${root}\n`, log) },
      },
      canonicalizedBody: canonical.toString('base64'),
    }
  }

  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const bytes = Buffer.concat(pieces)
      const path = `${request.method} ${request.url}`
      asked.push({ path, type: request.headers['content-type'], text: bytes.toString('latin1') })
      const other = changes.status?.(path)
      const answer = (status: number, type: string, body: string | Buffer) =>
        response.writeHead(status, { 'content-type': type }).end(body)
      if (other !== undefined) return void answer(other.status, 'application/json', other.text)
      const json = () => JSON.parse(bytes.toString()) as Json
      if (path === 'POST /api/v2/signingCert')
        return void certificateFor(json()).then((body) =>
          answer(200, 'application/json', JSON.stringify(body)),
        )
      if (path === 'POST /api/v2/log/entries') {
        const entry = entryFor(json())
        return void answer(201, 'application/json', JSON.stringify(changes.entry?.(entry) ?? entry))
      }
      if (path === 'POST /api/v1/timestamp') {
        const stamp = times.answer(bytes)
        return void answer(201, 'application/timestamp-reply', changes.timestamp?.(stamp) ?? stamp)
      }
      return void answer(404, 'application/json', '{}')
    })
  })
  await new Promise<void>((next) => server.listen(0, '127.0.0.1', next))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const trustedRoot = rootOf(nowMs, {
    ...{ fulcio, chain: times.chains().at(-1)?.chain ?? [], verifierKey: log.verifierKey },
    promises: promises.publicKey.export({ type: 'spki', format: 'der' }),
  })
  return { url, asked, changes, trustedRoot, size: () => leaves.length }
}

/** A token as GitHub's; its signature is none, since the stand-in does not look at it. */
export function tokenOf(changes: Readonly<Record<string, unknown>> = {}): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = {
    ...{ iss: issuer, sub: 'repo:octo/app:ref:refs/tags/v1', aud: 'sigstore' },
    ...{ exp: Math.floor(Date.now() / 1000) + 300, repository_id: '1234', sha: 'a'.repeat(40) },
    ...changes,
  }
  return `${part({ alg: 'RS256' })}.${part(claims)}.${Buffer.from('a signature that is none').toString('base64url')}`
}

function keyIdOf(verifierKey: string): Buffer {
  const [name = '', , base64 = ''] =
    verifierKey.split('+').length === 3 ? verifierKey.split('+') : splitKey(verifierKey)
  return createHash('sha256').update(`${name}\n`).update(Buffer.from(base64, 'base64')).digest()
}

/** Its base64 may have a plus sign, too. */
function splitKey(verifierKey: string): string[] {
  const [name = '', hash = '', ...rest] = verifierKey.split('+')
  return [name, hash, rest.join('+')]
}

function pemOf(raw: Buffer): string {
  const lines = raw.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/** The promise of a log of certificates within the certificate (RFC 6962, section 3.3), signed anew. */
async function withPromise(
  leaf: Buffer,
  { privateKey, certificate }: IssuingAuthority,
  logKey: ReturnType<typeof createPrivateKey>,
) {
  const key = createPrivateKey({
    ...{
      key: Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey)),
      format: 'der',
      type: 'pkcs8',
    },
  })
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
  const [body, algorithm] = readDer(leaf).children()
  if (body === undefined || algorithm === undefined) throw new TypeError()
  const logId = sha256(createPublicKey(logKey).export({ type: 'spki', format: 'der' }))
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(Date.now()))
  const size = (bytes: Buffer, count: number) => {
    const length = Buffer.alloc(count)
    length.writeUIntBE(bytes.length, 0, count)
    return Buffer.concat([length, bytes])
  }
  const signed = Buffer.concat([
    ...[Buffer.of(0, 0), time, Buffer.of(0, 1), sha256(Buffer.from(certificate.publicKey.rawData))],
    ...[size(body.whole, 3), Buffer.of(0, 0)],
  ])
  const promise = Buffer.concat([
    ...[Buffer.of(0), logId, time, Buffer.of(0, 0), Buffer.of(4, 3), size(sign('sha256', signed, logKey), 2)],
  ])
  const list = der.octets(size(size(promise, 2), 2))
  const extension = der.sequence(der.oid('1.3.6.1.4.1.11129.2.4.2'), der.octets(list))
  const parts = body.children().map((part) => {
    if (part.tag !== 0xa3) return part.whole
    const [extensions] = part.children()
    return der.context(
      3,
      der.sequence(...(extensions?.children() ?? []).map(({ whole }) => whole), extension),
    )
  })
  const whole = der.sequence(...parts)
  return der.sequence(whole, algorithm.whole, der.bits(sign('sha256', whole, key)))
}

function rootOf(
  nowMs: number,
  by: { fulcio: IssuingAuthority; chain: readonly string[]; verifierKey: string; promises: Buffer },
): Json {
  const validFor = { start: new Date(nowMs - 3_600_000).toISOString() }
  const derOf = (pem: string) => pem.replaceAll(/-----[A-Z ]+-----|\s/g, '')
  const authority = (uri: string, certificates: readonly string[]) => ({
    ...{ subject: { organization: uri, commonName: uri }, uri, validFor },
    certChain: { certificates: certificates.map((rawBytes) => ({ rawBytes })) },
  })
  const spki = Buffer.concat([
    Buffer.from('302a300506032b6570032100', 'hex'),
    Buffer.from(splitKey(by.verifierKey)[2] ?? '', 'base64').subarray(1),
  ])
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        ...{ baseUrl: 'https://127.0.0.1', hashAlgorithm: 'SHA2_256' },
        publicKey: { rawBytes: spki.toString('base64'), keyDetails: 'PKIX_ED25519', validFor },
        logId: { keyId: keyIdOf(by.verifierKey).toString('base64') },
      },
    ],
    certificateAuthorities: [
      authority('https://fulcio.test', [Buffer.from(by.fulcio.certificate.rawData).toString('base64')]),
    ],
    ctlogs: [
      {
        ...{ baseUrl: 'https://promises.test', hashAlgorithm: 'SHA2_256' },
        publicKey: {
          rawBytes: by.promises.toString('base64'),
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
          validFor,
        },
        logId: { keyId: createHash('sha256').update(by.promises).digest('base64') },
      },
    ],
    timestampAuthorities: [authority('https://times.test', by.chain.map(derOf))],
  }
}
