import { recordIn, textIn, type Fields } from './lenient-fields.ts'
import type { Signer } from './model.ts'
import { createAgreement } from './receipt-agreement.ts'

/** What a statement of ours says of the job that it is about. */
export interface JobSaid {
  readonly issuer: unknown
  readonly repositoryId: unknown
  readonly ref: unknown
  readonly commit: unknown
}

export const otherJob = 'its certificate is of another job than the one that it is about'

/** Claims of a certificate that the statement has, too. */
const claims: Readonly<Record<string, Exclude<keyof JobSaid, 'issuer'>>> = {
  sourceRepositoryIdentifier: 'repositoryId',
  sourceRepositoryRef: 'ref',
  sourceRepositoryDigest: 'commit',
}

/** Of a provenance of ours, by its `buildDefinition`. */
export function jobOfProvenance(definition: Fields): JobSaid {
  const source = recordIn(recordIn(definition['externalParameters'])['source'])
  return {
    issuer: recordIn(recordIn(definition['internalParameters'])['issuer'])['url'],
    repositoryId: source['repositoryId'],
    ref: source['ref'],
    commit: recordIn(source['digest'])['gitCommit'],
  }
}

/** Of a receipt, by its predicate. */
export function jobOfReceipt(predicate: Fields): JobSaid {
  const identity = recordIn(predicate['identity'])
  const attributes = recordIn(identity['attributes'])
  return {
    issuer: identity['issuerUrl'],
    repositoryId: attributes['repository_id'],
    ref: attributes['ref'],
    commit: attributes['commit'],
  }
}

/**
 * Mayfly signs for one job what one of its own steps did: the certificate of one job says nothing about another. A key names nobody: what
 * it signed is the server's word.
 */
export function isOfOtherJob(said: JobSaid, signer: Signer): boolean {
  if (signer.kind === 'key') return false
  const agreement = createAgreement()
  agreement.same('issuer', said.issuer, signer.identity.issuer)
  for (const [claim, name] of Object.entries(claims)) {
    const found = Object.hasOwn(signer.identity.claims, claim) ? signer.identity.claims[claim] : undefined
    if (found === undefined || isLeftOut(name, said, found)) continue
    agreement.same(name, said[name], found)
  }
  return agreement.problems.length > 0
}

/** A digest in provenance is one: what some CI calls its commit, and is none, stands in the certificate alone. */
function isLeftOut(name: string, said: JobSaid, found: string): boolean {
  return (
    name === 'commit' && textIn(said.commit) === undefined && !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(found)
  )
}
