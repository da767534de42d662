/**
 * Who makes the credentials that live as long as a step: one file each. Keeps nothing, decides nothing: the broker says for
 * whom, keeps what is made, and ends it.
 * Invariant: before an upstream is asked for anything, the plan that finds it again is durable.
 */
export { issuerNamed } from './issuers.ts'
export { krlOf } from './ssh-certificate/krl.ts'
export { UpstreamBusy } from './upstream-busy.ts'
export type {
  CredentialIssuer,
  Held,
  HeldConnection,
  Minted,
  MintRequest,
  IssuerTools,
  Plain,
  Revocation,
} from './issuer.ts'
