import { createAttestor, type Attestor } from '../attest/attestor/index.ts'
import { signerOf, type BundleSigner, type SignerIdentity } from '../attest/sign/index.ts'
import type { TrustKeeper } from '../attest/trust/index.ts'
import { provenanceOf, receiptOf, sbomOf } from '../attest/statements/index.ts'
import { checkReceipt, openTrustDocument, type Trust } from '../attest/verify/index.ts'
import { httpSource } from '../audit/verify/index.ts'
import { createStoredStepMaterials, type Broker, type People } from '../broker/index.ts'
import { attestRetentionSeconds, type AttestDocument } from '../config/index.ts'
import type { Attestations, Gateway } from '../gateway/index.ts'
import type { Identity } from '../identity/index.ts'
import { MayflyError, version, type Clock } from '../lib/index.ts'
import type { RulesHolder } from '../rules/index.ts'
import type { AttestSigning } from './attest-signing.ts'
import type { Store } from '../store/index.ts'

export interface AttestWork {
  readonly attestor: Attestor
  /** Who signs for a job: kept with its session. */
  signerOf(identity: Identity): SignerIdentity | undefined
  readonly isPublic: () => boolean
  /** For grants that demand attestations. */
  readonly attestations: Attestations
}

/** How long the gateway waits for what a run has to be signed. */
const dueMs = 10_000

/** What is attested, by what, and where that is kept. */
export function createAttestWork(deps: {
  document: AttestDocument
  store: Store
  clock: Clock
  people: People
  /** What signs of a step now. Throws why nothing can be signed. */
  signer: (step: string) => Promise<BundleSigner>
  /** Where the job's own token signs. */
  identities: AttestSigning['identities']
  trust: Pick<TrustKeeper, 'inForce'>
  url: () => string
  /** Where the audit log is read, and its key. */
  logUrl: string
  logKey: string
  rules: () => RulesHolder | undefined
  broker: () => Pick<Broker, 'outbox'>
  gateway: () => Pick<Gateway, 'activity'>
}): AttestWork {
  const { document, store, clock, rules, signer } = deps
  const materials = createStoredStepMaterials({ store, clock })

  const kindOf = (issuer: string) => {
    const known = rules()
    return known?.loaded === true ? known.current().document.issuers[issuer]?.kind : undefined
  }

  const trust = createTrustInForce(deps)
  const attestor = createAttestor({
    ...{ store, clock, version, signer, trust },
    people: deps.people,
    url: deps.url,
    materials: (step) => materials.of(step),
    signUntilMs: (step) => deps.identities && (deps.identities.untilMs(step) ?? null),
    activityOf: (step) => deps.gateway().activity(step.id),
    signerOf: (session) =>
      signerOf({
        kind: kindOf(session.issuer) ?? '',
        issuerUrl: session.issuerUrl ?? '',
        claims: {},
        ...session,
      }),
    outbox: () => deps.broker().outbox,
    statements: { provenanceOf, sbomOf, receiptOf, checkReceipt },
    auditLog: { source: httpSource(deps.logUrl), verifierKey: deps.logKey },
    receipts: () => document.receipts,
    retentionMs: () => attestRetentionSeconds(document) * 1000,
  })

  return {
    attestor,
    signerOf: (identity) => {
      const kind = kindOf(identity.issuer)
      return kind === undefined ? undefined : signerOf({ kind, ...identity })
    },
    isPublic: () => document.public,
    attestations: {
      async *about(digest, demands, runId) {
        for await (const page of attestor.about(digest, { demands, runId }))
          yield page.map(({ bundle }) => bundle)
      },
      async ofRun(run, digest) {
        const { found, pending } = await attestor.ofRun(run, digest, dueMs)
        return { bundles: found.map(({ bundle }) => bundle), pending }
      },
      trust,
    },
  }
}

/** By the document in force, read once for each version. */
function createTrustInForce({
  trust,
  clock,
}: {
  trust: Pick<TrustKeeper, 'inForce'>
  clock: Clock
}): Attestations['trust'] {
  let known: { readonly envelope: string; readonly trust: Trust } | undefined
  return async () => {
    const document = trust.inForce()
    if (document === undefined)
      throw new MayflyError('conflict', 'there is no trust document yet: nothing is known to be attested')
    if (known?.envelope === document.envelope) return known.trust
    const opened = openTrustDocument(document.envelope, document.payload.root, { nowMs: clock.nowMs() })
    if (!opened.ok) throw new MayflyError('conflict', `the trust document does not hold: ${opened.detail}`)
    known = { envelope: document.envelope, trust: opened.trust }
    return opened.trust
  }
}
