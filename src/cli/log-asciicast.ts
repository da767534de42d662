import { closeSync, openSync, writeSync } from 'node:fs'
import { MayflyError, messageOf, systemCode, type LogStream } from '../lib/index.ts'
import { createSafeText } from './log-text.ts'
import type { LogView } from './log-view.ts'

/**
 * Writes a log as a recording that asciinema and its players show with its timing (asciicast v2): a line of JSON with the head, then
 * one for each piece of output. A player is a terminal, too: what moves within the picture stays, the rest is spelt out.
 * Throws `bad_input` if the file is there already.
 */
export function createAsciicast(file: string, title: string): LogView {
  const fd = openNew(file)
  const texts = { o: createSafeText({ forPlayer: true }), e: createSafeText({ forPlayer: true }) }
  let hasHead = false
  let seconds = 0
  const line = (value: object) => writeSync(fd, `${JSON.stringify(value)}\n`)
  const say = (text: string) => {
    // A program's output goes through a terminal's driver, that makes a line feed a new line.
    if (text !== '') line([seconds, 'o', text.replaceAll(/\r?\n/g, '\r\n')])
  }
  const add = (stream: LogStream, bytes: Buffer) => say(texts[stream].add(bytes))
  return {
    add(frame, startedMs) {
      if (!hasHead)
        line({ version: 2, width: 80, height: 24, timestamp: Math.floor(startedMs / 1000), title })
      hasHead = true
      // Players want times that do not go back.
      seconds = Math.max(seconds, frame.ms / 1000)
      if (frame.kind === 'output') add(frame.stream, frame.bytes)
      else say(`\n[${frame.lostBytes} bytes of output are not in the log here]\n`)
    },
    end() {
      for (const stream of ['o', 'e'] as const) say(texts[stream].rest())
      closeSync(fd)
    },
  }
}

function openNew(file: string): number {
  try {
    return openSync(file, 'wx', 0o644)
  } catch (cause) {
    const why = systemCode(cause) === 'EEXIST' ? 'it is there already: name a new file' : messageOf(cause)
    throw new MayflyError('bad_input', `--asciicast ${file}: ${why}`, { cause })
  }
}
