import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { der } from '../../der/index.ts'
import { createSigner, signNote } from '../../audit/sign/index.ts'
import { createTree, formatCheckpoint, leafHash } from '../../audit/verify/index.ts'
import { referencePath } from '../../audit/verify/reference.fixture.ts'
import { extension, keyIdentifier, nameOf, oids, signCertificate } from './certificate.ts'
import { createKeySigner, makeAuthority, type AttestationLog } from './index.ts'

export const logOrigin = 'log.example.test'

/** A CA of a fresh key. */
export function newAuthority(organization: string, life: { notBeforeMs: number; notAfterMs: number }) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return makeAuthority(organization, life, createKeySigner(privateKey, 'CA'))
}

/** A log in memory, with real proofs, and a timestamp authority that is openssl's. */
export async function createTestLog(): Promise<AttestationLog & Disposable & { size(): number }> {
  const signer = createSigner(logOrigin, randomBytes(32))
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-tsa-'))
  const timestampChain = await makeTimestampAuthority(folder)
  const leaves: Uint8Array[] = []
  const tree = createTree()
  return {
    size: () => leaves.length,
    add(entry, signature) {
      const index = leaves.length
      const leaf = leafHash(entry)
      leaves.push(leaf)
      tree.push(leaf)
      const checkpoint = signNote(
        formatCheckpoint({ origin: logOrigin, size: tree.size, root: tree.root() }),
        signer,
      )
      return Promise.resolve({
        ...{ index, treeSize: tree.size, rootHash: Buffer.from(tree.root()), checkpoint },
        hashes: referencePath(index, leaves).map((hash) => Buffer.from(hash)),
        timestamp: stamp(folder, signature),
      })
    },
    keys: () =>
      Promise.resolve({
        ...{ origin: logOrigin, verifierKey: signer.verifierKey, timestampChain },
        sinceMs: Date.now() - 60_000,
      }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

async function makeTimestampAuthority(folder: string): Promise<string[]> {
  const root = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [rootSpki, spki] = [root, leaf].map((pair) => pair.publicKey.export({ type: 'spki', format: 'der' }))
  if (rootSpki === undefined || spki === undefined) throw new TypeError()
  const life = { notBeforeMs: Date.now() - 120_000, notAfterMs: Date.now() + 86_400_000 }
  const issuer = nameOf('Example', 'timestamp root')
  const rootCertificate = await signCertificate(
    {
      ...{ ...life, issuer, subject: issuer, spki: rootSpki },
      extensions: [
        extension(oids.basicConstraints, der.sequence(der.boolean(true)), true),
        extension(oids.keyUsage, der.bits(Buffer.of(0x06), 1), true),
        extension(oids.subjectKey, der.octets(keyIdentifier(rootSpki))),
      ],
    },
    createKeySigner(root.privateKey, 'root'),
  )
  const certificate = await signCertificate(
    {
      ...{ ...life, issuer, subject: nameOf('Example', 'timestamps'), spki },
      extensions: [
        extension(oids.keyUsage, der.bits(Buffer.of(0x80), 7), true),
        extension(oids.extendedKeyUsage, der.sequence(der.oid('1.3.6.1.5.5.7.3.8')), true),
        extension(oids.authorityKey, der.sequence(der.context(0, keyIdentifier(rootSpki), false))),
      ],
    },
    createKeySigner(root.privateKey, 'root'),
  )
  writeFileSync(join(folder, 'key.pem'), leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  writeFileSync(join(folder, 'tsa.pem'), pemOf(certificate))
  writeFileSync(join(folder, 'serial'), '01\n')
  writeFileSync(
    join(folder, 'openssl.cnf'),
    [
      '[tsa]',
      'default_tsa=tsa1',
      '[tsa1]',
      ...[`serial=${folder}/serial`, `signer_cert=${folder}/tsa.pem`, `signer_key=${folder}/key.pem`],
      ...[
        'default_policy=1.3.6.1.4.1.57264.2',
        'digests=sha256',
        'signer_digest=sha256',
        'ess_cert_id_alg=sha256',
      ],
      '',
    ].join('\n'),
  )
  return [pemOf(certificate), pemOf(rootCertificate)]
}

export function pemOf(certificate: Buffer): string {
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function stamp(folder: string, bytes: Uint8Array): Buffer {
  const [data, query, reply] = ['data', 'query', 'reply'].map((name) => join(folder, name))
  writeFileSync(data ?? '', bytes)
  execFileSync('openssl', ['ts', '-query', '-data', data ?? '', '-sha256', '-cert', '-out', query ?? ''], {
    stdio: 'pipe',
  })
  execFileSync(
    'openssl',
    ['ts', '-reply', '-config', join(folder, 'openssl.cnf'), '-queryfile', query ?? '', '-out', reply ?? ''],
    { stdio: 'pipe' },
  )
  return readFileSync(reply ?? '')
}
