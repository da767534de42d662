import type { StepId } from '../lib/index.ts'
import type { Step } from '../broker/index.ts'

/** Looks at what a step sends before its upstream has all of it, as the step's role says. */
export interface Inspection {
  /** Undefined: its role says that this is not looked at. */
  open(step: Step, sent: Sent): Look | undefined
  /** Whether `open` would look. */
  looksAt(step: Step, place: SentPlace): boolean
  /** What it has not sent to its end is not waited for. */
  stepEnded(step: StepId): void
}

export type SentPlace = 'push' | 'packages' | 'images'

export interface Sent {
  readonly place: SentPlace
  readonly connection: string
  /** What is sent, as people name it: `octo/app@refs/heads/main`, `pkg:npm/core@1.0.0`. */
  readonly what: string
  /**
   * A digest of all that is sent, once it is whole: a person's yes is good for the same again. Undefined where it is not known: then a yes
   * is for this request alone.
   */
  readonly same?: (() => string | undefined) | undefined
  /** It waits no longer for an answer. */
  gone(): boolean
  /** Its silence is ours now, or its own again. */
  waits(isWaiting: boolean): void
  /** A line for the step itself. */
  tell(line: string): void
  /** Of what passes although it was found, a line each; without it they are told as others. */
  warn?: ((line: string) => void) | undefined
}

/** One thing that is sent, piece by piece. */
export interface Look {
  /** Bytes of a file, and what it is called. They may be used again once this resolves: when there is room for more. */
  add(name: string, bytes: Buffer): Promise<void>
  /** A file of any size, which comes piece by piece. */
  stream(name: string): LookStream
  /** Something that nobody could look at, and why. */
  unseen(why: string): void
  /**
   * When all was added. `nameOf` knows better names than those that were given, or all paths at which a file stands; `by` whose request
   * it is now. Never rejects: what failed was not looked at.
   */
  finish(
    nameOf?: (name: string) => string | FilePaths,
    by?: Pick<Sent, 'gone' | 'waits'>,
  ): Promise<LookVerdict>
}

/** Where one content stands: whatever is said of paths has to be so of each of them. */
export interface FilePaths {
  readonly paths: readonly string[]
  /** False: it may stand at others, too. */
  readonly isWhole: boolean
}

export interface LookStream {
  /** The bytes may be used again once it resolves, which never rejects. */
  write(piece: Buffer): Promise<void>
  end(): void
  /** It did not come to its end, and goes nowhere. */
  leave(): void
}

/** Lines for the step: they repeat no secret. */
export type LookVerdict = { readonly ok: true } | { readonly ok: false; readonly lines: readonly string[] }
