type OneOrMore = string | readonly string[]

/**
 * What somebody who takes an artifact demands of how it was made, as it is judged; `WrittenDemands` has the spellings of policies, too.
 * All of them must hold, for one provenance about exactly the digest that is asked for. In patterns `*` stands for any run of characters; the whole text must match.
 */
export interface Demands {
  /** `builder.id` of the provenance. */
  readonly builder?: OneOrMore
  /** The weakest isolation that is taken: B all namespaces, C no process namespace. */
  readonly tier?: 'B' | 'C'
  /** URL of the CI's OIDC issuer, as the certificate has it. */
  readonly issuer?: string
  readonly repository_id?: OneOrMore
  readonly owner_id?: OneOrMore
  /** `OWNER/NAME`, or the whole URL. */
  readonly repository?: OneOrMore
  readonly ref?: OneOrMore
  readonly role?: OneOrMore
  /** It was made in the same run as what asks for it. */
  readonly same_run?: true
  /** The subject alternative name of the certificate: the workflow, or whoever signed. */
  readonly identity?: OneOrMore
  /** `of`: a pattern of the operation that they said yes to; of the job that took the role, if it is left out. */
  readonly approvals?: { readonly count?: number; readonly group?: string; readonly of?: string }
  readonly max_age_seconds?: number
  readonly no_secret_found?: true
  readonly dependencies?: 'verified'
  /** Types of statements that must be there, by our words or as URIs. Provenance if it is left out. */
  readonly predicate?: OneOrMore
  /** Names that may change hands are taken without the ids that stand for them. */
  readonly by_name?: true
}
