import { StringDecoder } from 'node:string_decoder'
import { escapeUnseen } from '../lib/index.ts'

/** Text of one output on its way to a terminal: what a step printed must not move the cursor, rename the window or type. */
export interface SafeText {
  add(bytes: Buffer): string
  rest(): string
}

/** SGR (ECMA-48, section 8.3.117): colours and the like. */
const colours = String.raw`\x1b\[[0-9;:]{0,48}m`
/** What else moves only within the picture: cursor and erase. For a player, that shows a recording as it was. */
const picture = [
  String.raw`\x1b\[[0-9;?]{0,16}[A-HJKSTf]`,
  // Of programs that have the whole screen: lines, regions, the other screen, the cursor's look, and line drawing.
  String.raw`\x1b\[[0-9;]{0,16}[LMPX@dr]`,
  String.raw`\x1b\[\?(?:1|7|12|25|47|1047|1048|1049|2004)[hl]`,
  String.raw`\x1b[78M=>]|\x1b\([0AB]|[\r\x08]`,
].join('|')
/** The beginning of such a sequence, that the next bytes may end. */
const begun = /(?:\r|\x1b(?:\[[0-9;:?]{0,48}|\()?)$/ // eslint-disable-line no-control-regex

/** `forPlayer`: keeps what moves within the picture; else a line that was written over is a line of its own. */
export function createSafeText(options: { forPlayer: boolean }): SafeText {
  const { forPlayer } = options
  const decoder = new StringDecoder('utf8')
  const kept = new RegExp(`(${forPlayer ? `${colours}|${picture}` : colours}|[\\n\\t])`)
  let left = ''

  function safe(text: string): string {
    const lines = forPlayer ? text : text.replaceAll(/\r\n?/g, '\n')
    // Split by what is kept, that stands at every second place.
    return lines
      .split(kept)
      .map((part, i) => (i % 2 === 1 ? part : escapeUnseen(part)))
      .join('')
  }

  return {
    add(bytes) {
      const text = left + decoder.write(bytes)
      left = begun.exec(text)?.[0] ?? ''
      return safe(text.slice(0, text.length - left.length))
    },
    rest() {
      const text = left + decoder.end()
      left = ''
      return safe(text)
    },
  }
}
