import type { LogFrame, LogStream } from '../lib/index.ts'
import { createSafeText, type SafeText } from './log-text.ts'

/** A step's log on its way to whoever reads it. */
export interface LogView {
  add(frame: LogFrame, startedMs: number): void
  end(): void
}

/**
 * As it was shown, both outputs in their order: byte for byte, but to a terminal without what that could obey except colours. With
 * `timestamps` each line begins with its time (UTC).
 */
export function createLogView(options: {
  write: (bytes: Buffer) => void
  tell: (line: string) => void
  timestamps: boolean
  toTerminal: boolean
}): LogView {
  const { write, timestamps, toTerminal } = options
  const texts: Record<LogStream, SafeText> = {
    o: createSafeText({ forPlayer: false }),
    e: createSafeText({ forPlayer: false }),
  }
  let atLineStart = true
  let coloured = false

  /** Each character is a byte. */
  function put(bytes: string, time: string): void {
    if (bytes === '') return
    const lines = bytes.split(/(?<=\n)/)
    const marked = timestamps
      ? lines.map((line, i) => (i > 0 || atLineStart ? `${time} ${line}` : line)).join('')
      : bytes
    atLineStart = bytes.endsWith('\n')
    write(Buffer.from(marked, 'latin1'))
  }

  const asBytes = (text: string) => {
    coloured ||= text.includes('\x1b[')
    return Buffer.from(text).toString('latin1')
  }

  return {
    add(frame, startedMs) {
      if (frame.kind === 'lost') {
        options.tell(`${frame.lostBytes} bytes of output are not in the log here`)
        return
      }
      const shown = toTerminal
        ? asBytes(texts[frame.stream].add(frame.bytes))
        : frame.bytes.toString('latin1')
      put(shown, timestamps ? new Date(startedMs + frame.ms).toISOString() : '')
    },
    end() {
      if (!toTerminal) return
      for (const stream of ['o', 'e'] as const) put(asBytes(texts[stream].rest()), '')
      // What comes next on the terminal is not of this step.
      if (coloured) write(Buffer.from('\x1b[0m'))
      if (!atLineStart) write(Buffer.from('\n'))
    },
  }
}
