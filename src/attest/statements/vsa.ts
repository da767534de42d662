import { statementV1, summaryType, type Statement, type Subject } from '../verify/index.ts'
import { digestSet, plain, plainUri, present, timeOf } from './plain.ts'
import { compare, fileName } from './subjects.ts'

/** What somebody found who held an artifact's attestations against a policy. */
export interface VerificationFacts {
  /** Who verified, as a URI. */
  readonly verifier: { readonly id: string; readonly version: string }
  readonly timeMs: number
  /** From where whoever relies on it gets the artifact. */
  readonly resourceUri: string
  readonly subject: { readonly name?: string; /** `sha256:HEX`. */ readonly digest: string }
  readonly policy: { readonly uri: string; /** SHA-256 in hex of its text. */ readonly sha256: string }
  /** All that were looked at: SHA-256 in hex of the signed statements' bytes. */
  readonly attestations: readonly { readonly sha256: string; readonly uri?: string }[]
  readonly passed: boolean
  /** By which the provenance was built; levels are claimed for ours alone. */
  readonly tier?: 'B' | 'C' | 'E'
  /** Its runner was made for the job and thrown away, as the CI says of its own. */
  readonly isEphemeral?: boolean
}

/**
 * A summary (SLSA VSA v1) of what was verified, for those who trust the verifier. Throws a RangeError for what is no URI or digest: it
 * would be about anything.
 */
export function vsaOf(facts: VerificationFacts): Statement {
  const { verifier, timeMs, subject, policy, attestations, passed } = facts
  const [id, resourceUri, policyUri] = [verifier.id, facts.resourceUri, policy.uri].map(plainUri)
  const digest = digestSet({ sha256: subject.digest.replace(/^sha256:/, '') })
  const policyDigest = digestSet({ sha256: policy.sha256 })
  if (id === undefined || resourceUri === undefined || policyUri === undefined)
    throw new RangeError('a verification summary names verifier, resource and policy by URIs')
  if (digest === undefined || policyDigest === undefined)
    throw new RangeError('a verification summary names artifact and policy by SHA-256')
  const about: Subject = present({
    name: subject.name === undefined ? undefined : fileName(subject.name),
    digest,
  }) as Subject
  return {
    _type: statementV1,
    subject: [about],
    predicateType: summaryType,
    predicate: {
      verifier: { id, version: { mayfly: plain(verifier.version, 64) } },
      timeVerified: timeOf(timeMs),
      resourceUri,
      policy: { uri: policyUri, digest: policyDigest },
      inputAttestations: attestations
        .flatMap(inputOf)
        .toSorted((a, b) => compare(a.digest['sha256'] ?? '', b.digest['sha256'] ?? '')),
      verificationResult: passed ? 'PASSED' : 'FAILED',
      verifiedLevels: [passed ? levelOf(facts) : 'FAILED'],
      slsaVersion: '1.2',
    },
  }
}

function inputOf({ sha256, uri }: VerificationFacts['attestations'][number]) {
  const digest = digestSet({ sha256 })
  if (digest === undefined) return []
  const known = uri === undefined ? undefined : plainUri(uri)
  return [known === undefined ? { digest } : { uri: known, digest }]
}

/** What docs/attestations.md claims of each tier; of builds by others nothing is known here. */
function levelOf({ tier, isEphemeral }: VerificationFacts): string {
  if (tier === undefined) return 'SLSA_BUILD_LEVEL_UNEVALUATED'
  if (tier === 'E') return 'SLSA_BUILD_LEVEL_1'
  return tier === 'B' && isEphemeral === true ? 'SLSA_BUILD_LEVEL_3' : 'SLSA_BUILD_LEVEL_2'
}
