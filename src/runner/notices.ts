import type { Writable } from 'node:stream'
import type { Redactor } from './redactor.ts'

/** Mayfly's own lines among those of the step: masked, each on a line of its own. */
export interface Notices {
  readonly tell: (line: string) => void
  /** Called with what the step's output has just shown on the same target. */
  readonly shown: (chunk: Buffer) => void
  /** Writes what still waits. */
  end(): void
}

/** A line of the step that does not end is not waited for any longer than that. */
const patienceMs = 250

export function createNotices(target: Writable, redactor: Pick<Redactor, 'text'>): Notices {
  let atLineStart = true
  let waiting: string[] = []
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (waiting.length === 0) return
    target.write(`${atLineStart ? '' : '\n'}${waiting.join('\n')}\n`)
    waiting = []
    atLineStart = true
  }

  return {
    tell(line) {
      waiting.push(redactor.text(line))
      if (atLineStart) flush()
      else timer ??= setTimeout(flush, patienceMs)
    },
    shown(chunk) {
      atLineStart = chunk.at(-1) === 0x0a
      if (atLineStart) flush()
    },
    end: flush,
  }
}
