import { createECDH, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTestLog, logOrigin, newAuthority } from '../src/attest/sign/attestation-log.fixture.ts'
import {
  createKeylessSigner,
  logKeyId,
  logPublicKey,
  type Authority,
  type AttestationLog,
} from '../src/attest/sign/index.ts'
import { aFullLog, aFullStep, provenIn, seedOf } from '../src/attest/statements/receipt.fixture.ts'
import { encodeStatement, provenanceOf, receiptOf } from '../src/attest/statements/index.ts'
import {
  openTrustDocument,
  preAuthEncoding,
  trustDocumentType,
  verifyBundle,
} from '../src/attest/verify/index.ts'
import { bundleVectors } from '../src/attest/verify/bundle-vectors.fixture.ts'
import { reloggedReceipts } from '../src/attest/statements/relogged.fixture.ts'
import { signedBy } from '../src/attest/statements/vector-signers.fixture.ts'
import { wrongReceipts } from '../src/attest/statements/wrong-receipts.fixture.ts'

/**
 * Makes test/fixtures/attest anew: what docs/attestations.md describes, for whoever writes a checker. The audit log, the statements and
 * the root key are the same every time; the CA, the attestation log, timestamps and signatures are new.
 */
const folder = join(import.meta.dirname, '../test/fixtures/attest')
const life = { notBeforeMs: Date.now() - 120_000, notAfterMs: Date.now() + 86_400_000 }
const who = {
  san: 'https://github.com/octo-org/app/.github/workflows/release.yml@refs/tags/v1.2.0',
  issuer: 'https://token.actions.githubusercontent.com',
  claims: { sourceRepositoryURI: 'https://github.com/octo-org/app', sourceRepositoryIdentifier: '1296269' },
}

const proofs = provenIn(aFullStep, aFullLog)
const [receipt, provenance] = [receiptOf(aFullStep, proofs), provenanceOf(aFullStep)]
if (receipt === undefined || provenance === undefined)
  throw new Error('the step of the fixtures made nothing')

using log = await createTestLog()
const authority = await newAuthority('Example', life)
const root = rootKey()
const rootPem = createPublicKey(root).export({ type: 'spki', format: 'pem' })
const trust = await trustDocument(root, rootPem, authority, log)
const opened = openTrustDocument(trust, [rootPem])
if (!opened.ok) throw new Error(opened.detail)
const signer = createKeylessSigner({
  ...{ log, authority: () => authority, clock: { nowMs: () => Date.now() } },
  check: (json) => verifyBundle(json, opened.trust),
})

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const write = (name: string, content: string | Uint8Array) => writeFileSync(join(folder, name), content)
write('audit-log.vkey', `${proofs.key}\n`)
write('root.pem', rootPem)
write('trust.json', trust)
for (const [name, statement] of Object.entries({ receipt, provenance })) {
  const bytes = encodeStatement(statement)
  write(`${name}.statement.json`, bytes)
  write(`${name}.sigstore.json`, (await signer.statement(bytes, who)).json)
}
const signers = await signedBy(signer, who, {
  receipt: encodeStatement(receipt),
  provenance: encodeStatement(provenance),
})
write('signers.json', `[\n${signers.map((one) => JSON.stringify(one)).join(',\n')}\n]\n`)
const lines = wrongReceipts(receipt).map((one) => JSON.stringify(one))
write('wrong.json', `[\n${lines.join(',\n')}\n]\n`)
const relogged = reloggedReceipts().map((one) => JSON.stringify(one))
write('relogged.json', `[\n${relogged.join(',\n')}\n]\n`)
const rows = (list: readonly unknown[]) => `[\n${list.map((one) => JSON.stringify(one)).join(',\n')}\n]`
const members = Object.entries(await bundleVectors()).map(
  ([name, value]) =>
    `"${name}": ${typeof value === 'string' ? JSON.stringify(value) : rows(value as readonly unknown[])}`,
)
write('bundles.json', `{\n${members.join(',\n')}\n}\n`)
write('README.md', readme())

/** The private part of a P-256 key that everybody can make: for tests alone. */
function rootKey(): KeyObject {
  const seed = seedOf('root key')
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(seed)
  const point = ecdh.getPublicKey()
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'))
  const jwk = { kty: 'EC', crv: 'P-256', d: seed.toString('base64url'), x: x ?? '', y: y ?? '' }
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

async function trustDocument(
  key: KeyObject,
  pem: string,
  ca: Authority,
  attestationLog: AttestationLog,
): Promise<string> {
  const { verifierKey, timestampChain } = await attestationLog.keys()
  const validFor = { start: new Date(life.notBeforeMs).toISOString() }
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), logPublicKey(verifierKey)])
  const chainOf = (chain: readonly string[]) => ({ certificates: chain.map((rawBytes) => ({ rawBytes })) })
  const subject = { organization: 'Example', commonName: 'Example' }
  const document = {
    version: 1,
    issued: new Date().toISOString(),
    root: [pem],
    trustedRoot: {
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [
        {
          baseUrl: `https://${logOrigin}`,
          hashAlgorithm: 'SHA2_256',
          publicKey: { rawBytes: spki.toString('base64'), keyDetails: 'PKIX_ED25519', validFor },
          logId: { keyId: logKeyId(verifierKey).toString('base64') },
        },
      ],
      certificateAuthorities: [
        {
          ...{ subject, uri: 'https://mayfly.example.com', validFor },
          certChain: chainOf([ca.certificate.toString('base64')]),
        },
      ],
      timestampAuthorities: [
        {
          ...{ subject, uri: 'https://mayfly.example.com/timestamps', validFor },
          certChain: chainOf(timestampChain.map((one) => one.replaceAll(/-----[A-Z ]+-----|\s/g, ''))),
        },
      ],
      ctlogs: [],
    },
    revoked: [],
  }
  const payload = Buffer.from(JSON.stringify(document))
  const sig = sign('sha256', preAuthEncoding(trustDocumentType, payload), key)
  return JSON.stringify({
    payloadType: trustDocumentType,
    payload: payload.toString('base64'),
    signatures: [{ sig: sig.toString('base64') }],
  })
}

function readme(): string {
  return `Vectors for checkers of attestations (docs/attestations.md), made by: node scripts/attest-vectors.ts

root.pem                  the root key to pin
trust.json                the trust document, signed by it
audit-log.vkey            the key of the audit log
receipt.sigstore.json     a step receipt: the bundle holds by trust.json, the receipt is right by audit-log.vkey;
                          some of it is proved by the entries, and some the server's word
provenance.sigstore.json  provenance of the same step: the bundle holds by trust.json
signers.json              bundles of the same two that hold by trust.json: whether their certificate may say so
*.statement.json          the statements in these bundles, as they are signed
wrong.json                changes (RFC 6902) to receipt.statement.json, each of which makes it wrong, and why
relogged.json             receipts of other logs by the same key, which have something else of the step: what a checker says of each
                          (neither of these two is signed: a checker needs a way to look at a statement alone)

bundles.json              bundles and trust documents, right and wrong, of a world of their own: \`root\` is the root key to pin, \`trusts\`
                          are trust documents, and of each of \`bundles\` what a checker says of it by one of these at the time \`now\`
                          (\`file\` is what a message's signature is about); of each of \`documents\` what a client says of it that pins
                          \`root\`, and took \`before\` earlier if that is there. Their \`reason\` is the first thing that ours finds: another
                          checker may find another thing first, and has to refuse

The key of a name is SHA-256("mayfly test vector: " || name): "audit log" is the seed of its Ed25519 key, "root key" the private
number of the P-256 key. They sign nothing else.
`
}
