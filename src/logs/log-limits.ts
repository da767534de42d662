/** What the policy in force says of logs. */
export interface LogLimits {
  /** 0: none is taken. */
  readonly keepSeconds: number
  /** Of all together, as they are stored. */
  readonly maxTotalBytes: number
  /** Of one step, plain. */
  readonly maxStepBytes: number
}
