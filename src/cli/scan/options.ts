import type { Confidence } from '../../scan/findings/index.ts'
import type { ReportFormat } from '../../scan/reports/index.ts'
import type { MergedRules } from '../../scan/rule-files/index.ts'

/** As commander hands them on. */
export interface ScanOptions {
  readonly staged?: boolean
  readonly stdin?: boolean
  readonly history?: boolean
  readonly since?: string
  /** The remote that the hook `pre-push` names; its lines are on standard input. */
  readonly pushed?: string
  readonly image?: string
  /** False: `--no-rules`. */
  readonly rules?: string | false
  readonly gitleaksConfig?: readonly string[]
  /** What Git ignores. */
  readonly gitIgnored?: 'look' | 'skip'
  readonly known?: boolean
  readonly server?: string
  /** Rules by commas, or `true` for all that the server lists. */
  readonly verify?: string | true
  /** The fingerprint of what is to be ended. */
  readonly revoke?: string
  readonly yes?: boolean
  readonly confidence: Confidence
  /** From where on a finding fails the scan. */
  readonly failOn: Confidence
  readonly baseline?: string
  readonly writeBaseline?: string
  readonly gitleaksAllow?: boolean
  readonly allowUnseen?: boolean
  readonly report: ReportFormat
  readonly output?: string
  readonly jobs?: number
  readonly listRules?: boolean
}

/** What the rule files say, together. */
export interface FileRules extends MergedRules {
  /** Patterns of what may be left unseen. */
  readonly mayBeUnseen: readonly string[]
  readonly warnings: readonly string[]
}
