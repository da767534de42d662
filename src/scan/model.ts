import type { AskKnown } from './ask-known.ts'
import type { Rule } from './engine/index.ts'
import type { AllowEntry, Finding, HandedKey } from './findings/index.ts'
import type { Unseen, UnpackLimits } from './unpack/index.ts'

/** What is looked for, and how. It can be posted to a thread. */
export interface ScanSettings {
  /** Further rules, beside the built-in ones; they may come from anybody. */
  readonly rules?: readonly Rule[]
  /** Each of them was read once already, as rule files are: a thread reads one when it meets a keyword of it. */
  readonly rulesAreRead?: boolean
  /** Ids of built-in rules that are left out; `all` for every one. */
  readonly without?: readonly string[] | 'all'
  readonly allow?: readonly AllowEntry[]
  /** Lines with `gitleaks:allow` fail nothing. */
  readonly gitleaksAllow?: boolean
  /** Of a history: a blob may be there under several paths, and no entry allows it by one before all are known. */
  readonly judgesPathsLater?: boolean
  /** All that is looked at is asked about, by `Told.known`. */
  readonly asksKnown?: boolean
  /** Secrets of these rules are handed to `Told.key`. */
  readonly handed?: readonly string[]
  /** Also of those that are accepted: whoever ends one may have accepted it before. */
  readonly handsAccepted?: boolean
  readonly limits?: Partial<UnpackLimits>
}

/** What was not looked at; of Git, in which blob, and which member of it (`!b/c`). */
export interface UnseenPart extends Unseen {
  readonly blob?: string
  readonly member?: string
}

/** Who is told what a scan sees, as it sees it: in no order. */
export interface Told {
  findings(findings: readonly Finding[]): void
  /** Of this file there are so many more findings than were told. */
  more(name: string, count: number): void
  unseen(unseen: UnseenPart): void
  /** A secret itself, of what is `handed`. */
  key?(key: HandedKey): void
  /** Asked with `asksKnown`. What it rejects with is said of the file: it counts as not looked at. */
  readonly known?: AskKnown
}

/** How much was looked at. */
export interface Looked {
  readonly parts: number
  /** With what was unpacked. */
  readonly bytes: number
}
