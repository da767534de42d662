import type { BundleSigner, SignerIdentity } from '../sign/index.ts'

/** A bundle that holds by trust.json, and whether its signer may say what it says (docs/attestations.md, "Who may sign"). */
export interface SignedBy {
  readonly name: string
  readonly what: 'receipt' | 'provenance'
  readonly reason: 'right' | 'other_signer'
  readonly bundle: string
}

type Row = readonly [name: string, reason: SignedBy['reason'], who: Partial<SignerIdentity>]

const commit = 'c0ffee5a4323abafb10abb68657d9d39f1a77505'

const rows: readonly Row[] = [
  ['without-claims', 'right', { claims: {} }],
  [
    'of-the-job',
    'right',
    {
      claims: {
        sourceRepositoryIdentifier: '1296269',
        sourceRepositoryRef: 'refs/tags/v1.2.0',
        sourceRepositoryDigest: commit,
      },
    },
  ],
  ['other-issuer', 'other_signer', { issuer: 'https://gitlab.example.com' }],
  ['other-repository', 'other_signer', { claims: { sourceRepositoryIdentifier: '1296270' } }],
  ['other-ref', 'other_signer', { claims: { sourceRepositoryRef: 'refs/heads/main' } }],
  ['other-commit', 'other_signer', { claims: { sourceRepositoryDigest: '1'.repeat(40) } }],
  [
    'other-of-three',
    'other_signer',
    {
      claims: {
        sourceRepositoryIdentifier: '1296269',
        sourceRepositoryRef: 'refs/tags/v1.2.0',
        sourceRepositoryDigest: '1'.repeat(40),
      },
    },
  ],
]

export async function signedBy(
  signer: BundleSigner,
  who: SignerIdentity,
  statements: Readonly<Record<SignedBy['what'], Uint8Array>>,
): Promise<SignedBy[]> {
  const all: SignedBy[] = []
  for (const [what, bytes] of Object.entries(statements) as [SignedBy['what'], Uint8Array][])
    for (const [name, reason, changes] of rows) {
      const { json } = await signer.statement(bytes, { ...who, ...changes })
      all.push({ name: `${what}-${name}`, what, reason, bundle: json })
    }
  return all
}
