import type { Position } from '../read/position.ts'
import type { Replacement } from '../replace/replacement.ts'
import type { RuleAbout, Severity } from './rule.ts'

export type ToolName = 'mayfly' | 'zizmor' | 'actionlint' | 'poutine'

/** A mistake at its place, whoever found it. */
export interface PipelineFinding {
  readonly tool: ToolName
  readonly rule: RuleAbout
  readonly severity: Severity
  readonly message: string
  readonly fix: string
  /** Relative to the checkout. */
  readonly file: string
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
  /** The same mistake elsewhere in the file. */
  readonly others: readonly Position[]
  /** Rules of other tools that found the same. */
  readonly also: readonly string[]
  readonly replacement?: Replacement
  /** Why an ignore comment there does not count. */
  readonly note?: string
}

export interface Ignored {
  readonly finding: PipelineFinding
  readonly reason: string
  readonly until: string
}
