import { connectionProblem } from '../../lib/index.ts'
import { httpSource, type Receipt, type Verifier } from '../verify/index.ts'
import { recogniseLog, type RememberedEntry } from './recognise.ts'

/** Whether the log that answers is still the one that confirmed what we remember. */
export interface LogWatch {
  /** Why what this process of the log answered does not count; undefined if it does. Asked of each process once. */
  check(process: string): Promise<string | undefined>
  /** Why nothing is sent to it; looked at again, since the right folder may have been put back. */
  stillRefused(): Promise<string | undefined>
  remember(receipt: Receipt): void
}

/** A log that was refused is looked at again after so long. */
const againMs = 1_000

export function createLogWatch(options: {
  url: string
  verifier: Verifier
  remembered?: RememberedEntry | undefined
  tell?: (line: string) => void
}): LogWatch {
  const source = httpSource(options.url)
  let newest = options.remembered
  /** The process that answered last and was found to be right. */
  let known: string | undefined
  let refused: { reason: string; atMs: number } | undefined

  async function look(process: string): Promise<string | undefined> {
    try {
      const found = await recogniseLog(source, options.verifier, newest)
      if (found.ok) {
        known = process
        refused = undefined
        return undefined
      }
      if (refused === undefined) options.tell?.(`${found.message}. Nothing is issued until then`)
      refused = { reason: found.message, atMs: performance.now() }
      return found.message
    } catch (error) {
      // What cannot be looked at is not believed, and is looked at again with the next answer.
      return `the audit log was started again and cannot be looked at: ${connectionProblem(error)}`
    }
  }

  return {
    async check(process) {
      if (process === known) return undefined
      // With nothing remembered there is nothing to look for yet.
      if (newest === undefined) {
        known = process
        return undefined
      }
      return await look(process)
    },
    async stillRefused() {
      if (refused === undefined) return undefined
      if (performance.now() - refused.atMs < againMs) return refused.reason
      known = undefined
      return await look('')
    },
    remember({ index, leafHash, timeMs }) {
      if (newest === undefined || index > newest.index) newest = { index, leafHash, timeMs }
    },
  }
}
