import type { Environment } from '../../config/environment.ts'

/** What one check found. `says` is what is so, `mend` the command or the change that puts it right. */
export interface Finding {
  readonly name: string
  /** `skip`: it does not apply here. */
  readonly state: 'ok' | 'warn' | 'fail' | 'skip'
  readonly says: string
  readonly mend?: string
  /** What `--fix` may do by itself: it loosens nothing, and a second time changes nothing. */
  readonly fix?: () => void
}

/** What the checks look at. */
export interface Surroundings {
  readonly environment: Environment
  /** The server that is named; else undefined. */
  readonly server: string | undefined
  readonly workspace: string
  /** Of `mayfly up` on this machine, whether there is one or not. */
  readonly dataFolder: string | undefined
  /** What the server says of whoever has the identity token or API token here; asked once. */
  readonly me: () => Promise<Me>
  readonly nowMs: () => number
}

export type Me =
  | {
      readonly kind: 'job'
      readonly issuer: string
      readonly roles: readonly string[]
      readonly at: Elsewhere
    }
  | { readonly kind: 'operator'; readonly name: string; readonly at: Elsewhere }
  | { readonly kind: 'nobody'; readonly why: string }
  /** The server does not answer, which its own check tells. */
  | { readonly kind: 'unreached' }
  | { readonly kind: 'refused'; readonly why: string }

/** What the server says of itself to whoever it knows. */
export interface Elsewhere {
  readonly version: string
  readonly gateway: string
}

export type Check = (here: Surroundings) => Promise<Finding | readonly Finding[]>
