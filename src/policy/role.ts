import type { Isolation } from '../lib/index.ts'
import type { Allowance } from '../config/index.ts'
import type { CedarSlice } from './cedar.ts'
import type { Grant } from './grant.ts'
import type { ScanRules } from './scan.ts'
import type { CompiledTrust } from './trust.ts'

/** A role, compiled: only `compilePolicy` makes one. */
export interface Role {
  readonly name: string
  readonly trust: CompiledTrust
  readonly ttlSeconds: number
  /** From when a job assumed it, if that was before it was needed, until its last step may begin. */
  readonly maxWaitSeconds: number
  /** From the wish that a step ends until it is killed. */
  readonly graceSeconds: number
  readonly isolation: Isolation
  /** Does a grant of it change what it reaches? */
  readonly writes: boolean
  readonly allow: readonly Allowance[]
  /** Ports on the runner's own localhost that its steps may reach. */
  readonly services: readonly number[]
  readonly limits: StepLimits
  readonly scan: ScanRules
  /** Records what its grants deny on their own connections, and lets it pass. */
  readonly shadow: boolean
  /** When that ends; undefined: never. */
  readonly shadowUntilMs?: number | undefined
  readonly approval: boolean
  readonly grants: readonly Grant[]
  readonly slice: CedarSlice
}

/** What one step in a role may use up. */
export interface StepLimits {
  readonly memoryBytes: number
  readonly processes: number
  /** undefined: all of the machine. */
  readonly cpus: number | undefined
  readonly diskBytes: number
  readonly openFiles: number
  /** undefined: until the role ends. */
  readonly timeSeconds: number | undefined
  readonly outputBytes: number
}
