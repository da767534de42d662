import type { Found } from './bundles.ts'
import { readSummary } from './read-summary.ts'
import type { TreeNode } from './tree.ts'

/** The tree as `--json` prints it. */
export function treeJson({ sha256, names, state, builds, others, strangers, isCut }: TreeNode): object {
  return {
    digest: `sha256:${sha256}`,
    ...{ names, state },
    ...(isCut ? { more_at_server: true } : {}),
    ...(strangers === 0 ? {} : { about_something_else: strangers }),
    builds: builds.map(({ found, made, inputs }) => {
      const { dependencies, inputs: _, ...facts } = made
      return {
        ...verdictJson(found),
        ...facts,
        dependencies: dependencies.map(({ verifiedBy, ...one }) => ({
          ...one,
          verified_by: verifiedBy ?? null,
        })),
        inputs: inputs.map(treeJson),
      }
    }),
    others: others.map(({ predicateType, found }) => ({
      predicate_type: predicateType,
      ...verdictJson(found),
      ...summaryJson(found),
    })),
  }
}

function summaryJson({ statement }: Found): object {
  const summary = statement === undefined ? undefined : readSummary(statement)
  return summary === undefined ? {} : { summary }
}

function verdictJson({ verdict }: Found): object {
  if (!verdict.ok) return { verified: false, why: verdict.why }
  const { signer, timeMs, logIndex } = verdict.by
  return {
    ...{ verified: true, signed: new Date(timeMs).toISOString(), log_index: logIndex },
    signer:
      signer.kind === 'key'
        ? { key: signer.keyId }
        : { san: signer.identity.san, issuer: signer.identity.issuer, claims: signer.identity.claims },
  }
}
