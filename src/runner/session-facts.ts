import type { RoleLimits } from './sandbox/index.ts'

/** The job as its issuer said it, as far as a step's start depends on it. */
export interface JobFacts {
  /** Its name in mayfly.yaml. */
  readonly issuer: string
  readonly repository?: string
  readonly repository_id?: string
  readonly ref?: string
  readonly ref_protected: boolean
  readonly commit?: string
}

/** What the policy says of a role that a step's start depends on. */
export interface RoleFacts {
  readonly name: string
  /** Does a grant of it change what it reaches? */
  readonly writes: boolean
  readonly ttl_seconds: number
  readonly isolation: string
  readonly allow: readonly string[]
  readonly services: readonly number[]
  readonly limits: RoleLimits
}
