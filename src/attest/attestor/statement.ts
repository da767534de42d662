import { sha256Hex } from '../../lib/index.ts'
import { sha256Sums } from '../../broker/index.ts'
import { encodeStatement, type LogProofs, type StepFacts } from '../statements/index.ts'
import type { CheckedReceipt, Statement } from '../verify/index.ts'
import type { Row } from './rows.ts'

/** Who puts facts into statements; undefined where there is nothing to say. */
export interface Statements {
  readonly provenanceOf: (facts: StepFacts) => Statement | undefined
  readonly sbomOf: (facts: StepFacts) => Statement | undefined
  readonly receiptOf: (facts: StepFacts, proofs: LogProofs) => Statement | undefined
  /** Whether a receipt is right by its own entries, as everybody checks it. */
  readonly checkReceipt: (statement: Statement, options: { logKey: string }) => Promise<CheckedReceipt>
}

/** What is said of a step. */
export type StepKind = Exclude<Row['kind'], 'vsa'>

export interface Built {
  readonly bytes: Uint8Array
  /** Undefined for what is no statement, but the bytes of `text`. */
  readonly predicateType?: string
  readonly text?: string
  readonly subjects: readonly { readonly digest: string; readonly name: string | null }[]
}

/** What is signed of a row, from its facts alone: made again it has the same bytes. Undefined if there is nothing to say. */
export function build(
  kind: StepKind,
  facts: StepFacts,
  proofs: LogProofs | undefined,
  statements: Statements,
): Built | undefined {
  if (kind === 'sums') return sumsOf(attestable(facts))
  const statement = statementOf(kind, facts, proofs, statements)
  if (statement === undefined) return undefined
  return builtOf(statement)
}

export function builtOf(statement: Statement): Built {
  const subjects = statement.subject.flatMap(({ name, digest }) => {
    const { sha256 } = digest
    return sha256 === undefined ? [] : [{ digest: `sha256:${sha256}`, name: name ?? null }]
  })
  return { bytes: encodeStatement(statement), predicateType: statement.predicateType, subjects }
}

function statementOf(
  kind: Exclude<StepKind, 'sums'>,
  facts: StepFacts,
  proofs: LogProofs | undefined,
  { provenanceOf, sbomOf, receiptOf }: Statements,
): Statement | undefined {
  switch (kind) {
    case 'provenance': {
      const said = attestable(facts)
      const sbom = sbomOf(said)
      const sbomSha256 = sbom === undefined ? undefined : sha256Hex(Buffer.from(encodeStatement(sbom)))
      return provenanceOf({ ...said, ...(sbomSha256 === undefined ? {} : { sbomSha256 }) })
    }
    case 'sbom':
      return sbomOf(attestable(facts))
    case 'receipt':
      return proofs === undefined ? undefined : receiptOf(facts, proofs)
  }
}

/** What `sha256sum` prints of the files that the step declared: its digest is the one that the audit log has of the list. */
function sumsOf({ reported }: StepFacts): Built | undefined {
  if (reported.artifacts.length === 0) return undefined
  const text = sha256Sums(reported.artifacts)
  const bytes = Buffer.from(text)
  return { bytes, text, subjects: [{ digest: `sha256:${sha256Hex(bytes)}`, name: 'SHA256SUMS' }] }
}

/**
 * What provenance may speak of. What a registry took of a step is out in the world, whatever became of the step afterwards: its
 * provenance says how it ended and with which exit code. Files that a failed step left were never handed on, and a verifier that
 * knows no exit codes must not take them for the result of a build.
 */
export function attestable(facts: StepFacts): StepFacts {
  if (facts.step.outcome === 'success') return facts
  return { ...facts, reported: { ...facts.reported, artifacts: [] } }
}
