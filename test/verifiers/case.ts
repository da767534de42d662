/** Something to verify, whole: what is signed, what vouches for it, what it is about and who is expected to have signed. */
export interface Material {
  /** A bundle, or of a plain envelope its line. */
  readonly text: string
  readonly trustedRoot: string
  /** PEM; of what a key signed. */
  readonly publicKey?: string
  readonly artifact: Buffer
  /** A log of certificates, which the root names, has promised to log its certificate; ours carry none. */
  readonly isPromised: boolean
  /** Of its statement, where that is no provenance. */
  readonly predicateType?: string
  readonly identity: { readonly san: string; readonly issuer: string }
}

export type Format = 'statement' | 'file' | 'envelope'

/** A row of the table, for each verifier. */
export interface Case {
  readonly name: string
  readonly format: Format
  readonly by: 'certificate' | 'key'
  /** Whether it is to be taken. */
  readonly isGood: boolean
  /** Left to `npm run verifiers` and `npm run test:whole`. */
  readonly isSlow?: true
  make(): Promise<Material>
}

export type Verdict = { readonly isTaken: boolean; readonly said: string }

export interface Verifier {
  readonly name: string
  /** Programs of the machine, or peers (`npm run peers`). */
  readonly needs: readonly string[]
  /** Left out of `npm test`: what it needs is built first. */
  readonly isPeer: boolean
  /** Which cases it has any say in. */
  knows(one: Case): boolean
  /** By the name of a case: it does otherwise than we do, and why. */
  readonly otherwise: Readonly<Record<string, string>>
  verify(material: Material, one: Case, folder: string): Promise<Verdict>
}
