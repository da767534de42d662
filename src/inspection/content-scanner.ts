import type { Finding, HandedKey } from '../scan/findings/index.ts'
import type { WindowTable } from '../scan/known/index.ts'
import type { AtPaths } from './path-rules.ts'

/** Looks into bytes on another thread. What it is handed is hostile, and what it says of it is only what it saw. */
export interface ContentScanner {
  scan(name: string, bytes: Buffer, looked?: LookedFor): Promise<Scanned>
  /** The same of bytes that come piece by piece. Throws `limit_exceeded` for more of them at once than can be meant. */
  stream(name: string, looked?: LookedFor): ScanStream
  /** The vault is sealed: no thread keeps a table of its secrets. What is being looked at ends with its step. */
  forget(): void
  close(): Promise<void>
}

export interface LookedFor {
  readonly table: WindowTable | undefined
  /** Rules whose secrets come back as `keys`. */
  readonly handed: readonly string[]
  /** What a step writes is a text whatever it begins with, and where in it secrets stand is asked for. */
  readonly as?: 'output'
  /** Its name is none that rules could go by: at which paths it stands is known when all else is here. */
  readonly pathsLater?: true
  /** The step that sends it: none of them takes all the room of others. */
  readonly of?: string
}

export interface ScanStream {
  /** Resolves when there is room for more. */
  write(piece: Buffer): Promise<void>
  end(): Promise<Scanned>
  /** Nobody wants to know any more. */
  leave(): void
}

export interface Scanned {
  readonly findings: readonly (Finding & RuleFacts & AtPaths)[]
  /** Of one file so many findings more. */
  readonly more: number
  /** Of those so many are of rules that are sure. */
  readonly sureMore: number
  readonly unseen: readonly { readonly name: string; readonly why: string }[]
  /** Secrets of the rules that were asked for, each once: of findings that nothing in the file accepts. */
  readonly keys: readonly HandedKey[]
  /** What may be a secret of the vault: only who has its key can say. */
  readonly candidates: readonly PlacedCandidate[]
  /** Of output: where what rules found stands as it is: not what is only possible, nor what was decoded. */
  readonly spans: readonly Span[]
}

/** What people are told of a rule beside its id. */
export interface RuleFacts {
  readonly title: string
  /** The kind of connection that makes this credential unnecessary. */
  readonly connection?: string
  /** Where it is revoked. */
  readonly revoke?: string
}

/** In bytes of a file. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** A text that may be a form of a secret, and where it stands. */
export interface PlacedCandidate {
  /** As it is proved: without the white space that may be in it. */
  readonly form: Buffer
  readonly places: readonly CandidatePlace[]
  /** At so many more. */
  readonly more: number
  /** Of output: all places where it stands as it is. */
  readonly spans: readonly Span[]
  /** Of output: what it was decoded from; of the first hundred places, and one more if there are more. */
  readonly decodedFrom: readonly Span[]
}

export interface CandidatePlace {
  /** The file, and the member in it. */
  readonly name: string
  readonly line: number
  /** The line says little: what is no text has none. */
  readonly isBinary: boolean
}
