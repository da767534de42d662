/** Whoever has the private key of P-256, and signs with it. What it answers is not trusted before it was checked (`checked.ts`). */
export interface KeyHolder {
  /** As the configuration calls it: `key-file`, `aws-kms`, `pkcs11`, ... */
  readonly kind: string
  /** Which key it is, for people and for good; no secret. */
  readonly describe: string
  /** SPKI, in DER. */
  publicKey(): Promise<Buffer>
  /**
   * ECDSA with SHA-256, in DER. Throws `upstream_unreachable` where it may sign later, `credential_failed` where somebody must do
   * something first.
   */
  sign(signed: ToSign): Promise<Buffer>
}

export interface ToSign {
  readonly message: Uint8Array
  /** Its SHA-256: a key service sees no more. */
  readonly digest: Buffer
}
