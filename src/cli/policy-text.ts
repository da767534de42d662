/** A policy as it is sent to the server. */
export interface PolicyText {
  /** As errors name it. */
  readonly file: string
  /** mayfly.yaml, or a bundle of it and what stands in `policies/` beside it. */
  readonly text: string
  readonly source?: { readonly repository: string; readonly ref: string; readonly commit: string }
}
