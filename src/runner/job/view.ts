import type { Writable } from 'node:stream'
import type { Notices } from '../notices.ts'
import type { Redactor } from '../redactor.ts'

/** Where the steps of a job are seen. */
export interface Screen {
  /** A step, or an attempt of it, begins. */
  open(step: ShownStep): View
  /** Resolves when everything is written. */
  close(): Promise<void>
}

export interface ShownStep {
  readonly name: string
  readonly role: string
  /** From 1. */
  readonly attempt: number
}

/** What one step writes to. */
export interface View {
  readonly stdout: Writable
  readonly stderr: Writable
  /** Both lead to one place. */
  readonly merged: boolean
  readonly notices: Notices
  /** Everything of it is written, and this line last. */
  end(line: string): Promise<void>
}

export interface ScreenDeps {
  readonly stdout: Writable
  readonly stderr: Writable
  readonly merged: boolean
  readonly notices: Notices
  readonly redactor: Pick<Redactor, 'text'>
  readonly variables: Readonly<Record<string, string>>
}
