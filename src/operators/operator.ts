/** What an API token or a signed-in person may do. */
export const scopes = [
  'policy:read',
  'policy:write',
  'secret:read',
  'secret:write',
  'secret:reveal',
  'secret:scan',
  'session:read',
  'session:revoke',
  'lease:read',
  'token:write',
  'approval:read',
  'approval:decide',
  'audit:erase',
  'vault:admin',
  'attest:verify',
] as const
export type Scope = (typeof scopes)[number]

/** An operator, or a program that an operator gave a token to. */
export interface Operator {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Who stands behind it, if a person signed in for it. */
  readonly login?: Login
}

/** What the provider said of somebody when they signed in. */
export interface Login {
  readonly issuer: string
  readonly subject: string
  /** Only if the provider says that it is verified. */
  readonly email?: string
  readonly groups: readonly string[]
}
