import { createHash } from 'node:crypto'
import type { SignerIdentity, Statement, Verified } from './model.ts'

/** An image that a step of role build made: for what is judged, not for who signed. */
export const imageDigest = `sha256:${'ab'.repeat(32)}`
export const signedMs = Date.parse('2026-11-29T12:00:00Z')

export const githubIdentity: SignerIdentity = {
  san: 'https://github.com/octo/app/.github/workflows/build.yml@refs/heads/main',
  issuer: 'https://token.actions.githubusercontent.com',
  claims: {
    sourceRepositoryURI: 'https://github.com/octo/app',
    sourceRepositoryIdentifier: '1296269',
    sourceRepositoryOwnerIdentifier: '65781',
    sourceRepositoryRef: 'refs/heads/main',
  },
}

interface Changes {
  readonly digest?: string
  readonly role?: string
  readonly run?: string
  readonly tier?: 'b' | 'c' | 'e'
  readonly identity?: SignerIdentity
  readonly approvals?: unknown
  readonly secretsFound?: number
  readonly dependencies?: unknown
  readonly incomplete?: unknown
  readonly omitted?: unknown
  readonly buildType?: string
  readonly predicateType?: string
  readonly step?: string
  readonly builder?: string
  /** SHA-256 of statements that it names beside what came of it. */
  readonly byproducts?: readonly string[]
  /** In place of a provenance. */
  readonly predicate?: object
  readonly subject?: readonly { name?: string; digest: Record<string, string> }[]
  readonly timeMs?: number
  readonly key?: true
  readonly repositoryId?: string
}

/** Provenance whose signature held, as ours is. */
export function verifiedProvenance(changes: Changes = {}): Verified {
  const {
    digest = imageDigest,
    role = 'build',
    run = 'run_1',
    tier = 'b',
    identity = githubIdentity,
  } = changes
  const statement: Statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: changes.subject ?? [{ name: 'app', digest: { sha256: digest.replace('sha256:', '') } }],
    predicateType: changes.predicateType ?? 'https://slsa.dev/provenance/v1',
    predicate: changes.predicate ?? {
      buildDefinition: {
        buildType: changes.buildType ?? 'urn:mayfly:step:v1',
        externalParameters: {
          role,
          source: {
            uri: 'git+https://github.com/octo/app@refs/heads/main',
            repositoryId: changes.repositoryId ?? identity.claims['sourceRepositoryIdentifier'] ?? '1296269',
            ref: 'refs/heads/main',
          },
        },
        internalParameters: {
          run,
          stepId: changes.step ?? 'stp_1',
          issuer: { name: 'github', url: 'https://token.actions.githubusercontent.com' },
          approvals: changes.approvals ?? [],
          ...(changes.omitted === undefined ? {} : { dependenciesOmitted: changes.omitted }),
          ...(changes.incomplete === undefined ? {} : { dependenciesIncomplete: changes.incomplete }),
        },
        resolvedDependencies: changes.dependencies ?? [
          {
            uri: 'pkg:npm/left-pad@1.3.0',
            digest: { sha512: 'aa'.repeat(64) },
            annotations: { verifiedBy: 'lockfile' },
          },
        ],
      },
      runDetails: {
        builder: { id: changes.builder ?? `https://mayfly.example.com/builders/tier-${tier}` },
        byproducts: [
          { name: 'outcome', annotations: { secretsFound: changes.secretsFound ?? 0 } },
          ...(changes.byproducts ?? []).map((sha256) => ({ name: 'sbom', digest: { sha256 } })),
        ],
      },
    },
  }
  return {
    ok: true,
    statement,
    statementBytes: Buffer.from(JSON.stringify(statement)),
    signer:
      changes.key === true
        ? { kind: 'key', keyId: 'cd'.repeat(32) }
        : { kind: 'certificate', identity, certificate: new Uint8Array() },
    timeMs: changes.timeMs ?? signedMs,
    logIndex: 7,
  }
}

export function statementSha256({ statementBytes = Buffer.alloc(0) }: Verified): string {
  return createHash('sha256').update(statementBytes).digest('hex')
}

/** A pseudonym of the audit log. */
export function personNamed(letter: string): string {
  return `per_${letter.repeat(24)}`
}
