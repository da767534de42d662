import type { TestContext } from 'node:test'
import { createTestLog, logOrigin, newAuthority } from '../attest/sign/attestation-log.fixture.ts'
import {
  createKeylessSigner,
  logKeyId,
  logPublicKey,
  type AttestationLog,
  type Authority,
} from '../attest/sign/index.ts'
import { githubIdentity, verifiedProvenance } from '../attest/verify/demands.fixture.ts'
import { parseTrustedRoot, verifyBundle, type SignerIdentity, type Trust } from '../attest/verify/index.ts'
import type { Attestations } from './attested.ts'

type Made = Parameters<typeof verifiedProvenance>[0] & { readonly who?: SignerIdentity }

/** Somebody who signs statements, with a log and a timestamp authority of his own, and the root that says so. */
export interface Signing {
  readonly trust: Trust
  /** Sigstore's trusted root, JSON. */
  readonly root: string
  sign(made?: Made): Promise<string>
}

const life = { notBeforeMs: Date.now() - 120_000, notAfterMs: Date.now() + 86_400_000 }

export async function openSigning(t: TestContext): Promise<Signing> {
  const log = await createTestLog()
  t.after(() => log[Symbol.dispose]())
  const authority = await newAuthority('ci.example.com', life)
  const root = await rootOf(log, authority)
  const trust = parseTrustedRoot(root)
  const signer = createKeylessSigner({
    log,
    check: (json) => verifyBundle(json, trust),
    authority: () => authority,
    clock: { nowMs: () => Date.now() },
  })
  return {
    trust,
    root,
    async sign({ who = githubIdentity, ...made } = {}) {
      const { statement } = verifiedProvenance(made)
      const { json } = await signer.statement(Buffer.from(JSON.stringify(statement)), who)
      return json
    },
  }
}

async function rootOf(log: AttestationLog, { certificate }: Authority): Promise<string> {
  const { verifierKey, timestampChain } = await log.keys()
  const validFor = { start: new Date(life.notBeforeMs).toISOString() }
  const chain = (certificates: readonly string[]) => ({
    certificates: certificates.map((rawBytes) => ({ rawBytes })),
  })
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), logPublicKey(verifierKey)])
  const base64Of = (pem: string) => pem.replaceAll(/-----[A-Z ]+-----|\s/g, '')
  return JSON.stringify({
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
      { uri: 'https://ca.test', certChain: chain([certificate.toString('base64')]), validFor },
    ],
    timestampAuthorities: [
      { uri: 'https://tsa.test', certChain: chain(timestampChain.map(base64Of)), validFor },
    ],
    ctlogs: [],
  })
}

/** What a server keeps: `bundles` may be added to, and what is `pending` is still being signed. */
export function keptAttestations({ trust }: Pick<Signing, 'trust'>) {
  const bundles: string[] = []
  const kept = {
    bundles,
    pending: false,
    trusted: trust,
    async *about(_digest: string) {
      yield bundles
    },
    ofRun: async () => ({ bundles: [], pending: kept.pending }),
    trust: async () => kept.trusted,
  }
  return kept satisfies Attestations
}
