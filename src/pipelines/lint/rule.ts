import type { PipelineFile, Span } from '../model.ts'
import type { Replacement } from '../replace/replacement.ts'

/** As SARIF names them; a `note` is advice. */
export type Severity = 'error' | 'warning' | 'note'

/** What is known of a rule, ours or another tool's. */
export interface RuleAbout {
  readonly id: string
  readonly title: string
  readonly why: string
  readonly fix: string
  readonly severity: Severity
}

/** One place at which a rule has something to say. */
export interface Found {
  readonly span: Span
  readonly message: string
  readonly severity?: Severity
  /** What to do here; else the rule's own. */
  readonly fix?: string
  readonly replacement?: Replacement
}

export interface PipelineRule extends RuleAbout {
  readonly check: (file: PipelineFile) => readonly Found[]
}
