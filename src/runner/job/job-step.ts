import type { StepRequest, StepResult } from '../step-request.ts'

/** A step of a job: what to run, when, and how often. */
export interface JobStep extends StepRequest {
  /** Steps before it; those of a matrix under their full names. */
  readonly needs: readonly string[]
  /** Steps whose artifacts it has. */
  readonly takesFrom: readonly string[]
  /** The outputs that it has of them, each under the name of a variable. */
  readonly values: readonly { readonly step: string; readonly output: string; readonly variable: string }[]
  readonly matrix: Readonly<Record<string, string>>
  readonly condition: StepCondition
  /** It has an `if` of its own. */
  readonly isConditional: boolean
  readonly retries: {
    readonly count: number
    readonly on: readonly (number | 'infrastructure')[] | undefined
  }
  readonly continueOnError: boolean
}

export interface StepCondition {
  holds(facts: {
    readonly failed: boolean
    readonly env: (name: string) => string | undefined
    readonly job: Readonly<Record<string, string>>
    readonly matrix: Readonly<Record<string, string>>
    readonly output: (step: string, name: string) => string | undefined
  }): boolean
}

/** One attempt of a step: it ran, or could not be started. */
export type Attempt =
  | { readonly kind: 'ran'; readonly number: number; readonly result: StepResult }
  | { readonly kind: 'error'; readonly number: number; readonly error: Error }

/** A step without any attempt, and why. */
export interface NotRun {
  readonly name: string
  readonly role: string
  /** `condition`: its `if` said no. `failure`: something before it had failed. `refused`: the job was, before its first step. */
  readonly why: 'condition' | 'failure' | 'cancelled' | 'refused'
  /** Of a job that was refused or cancelled before its first step, the sentence. */
  readonly detail?: string
}
