import { StringDecoder } from 'node:string_decoder'
import { createSafeText } from './log-text.ts'
import { toJson } from './output.ts'

/** A recording on its way to a player. */
export interface CastView {
  add(chunk: Buffer): string
  rest(): string
}

/** Names of windows and clipboards (OSC): nothing of the picture. */
const commands = /\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)/g // eslint-disable-line no-control-regex

/** Without what a host could tell the terminal of whoever plays it to do, beyond what moves within the picture. */
export function createCastView(): CastView {
  const decoder = new StringDecoder('utf8')
  const shown = createSafeText({ forPlayer: true })
  let left = ''
  let seconds = 0

  function safe(line: string): string {
    let event: unknown
    try {
      event = JSON.parse(line)
    } catch {
      // A server that was killed has written a part of it.
      return ''
    }
    if (!Array.isArray(event)) return `${toJson(event as object)}\n`
    const [at, code, text] = event as [number, string, string]
    seconds = at
    const said = code === 'o' ? shown.add(Buffer.from(text.replaceAll(commands, ''))) : text
    return said === '' ? '' : `${toJson([at, code, said])}\n`
  }

  return {
    add(chunk) {
      const lines = (left + decoder.write(chunk)).split('\n')
      left = lines.pop() ?? ''
      return lines.map(safe).join('')
    },
    rest() {
      const last = shown.rest()
      return last === '' ? '' : `${toJson([seconds, 'o', last])}\n`
    },
  }
}
