import { Writable } from 'node:stream'

/** Passes what is written on as whole lines, each with `prefix` in front, so that lines of several steps stay apart. */
export function createLineWriter(
  prefix: string,
  print: (text: string) => Promise<void>,
  plain = (line: string) => line,
): Writable & { end(): unknown } {
  let kept = ''
  const decoder = new TextDecoder()

  // A progress bar goes back to the start of its line: of such a line its last state is shown.
  const shown = (line: string) => `${prefix}${plain(line.replace(/\r+$/, '').replace(/^.*\r/s, ''))}\n`

  function take(text: string): string {
    const lines = `${kept}${text}`.split('\n')
    kept = lines.pop() ?? ''
    if (kept.length > maxKeptChars) {
      lines.push(kept)
      kept = ''
    }
    return lines.map(shown).join('')
  }

  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const text = take(decoder.decode(chunk, { stream: true }))
      if (text === '') done()
      else void print(text).then(() => done())
    },
    final(done) {
      const text = take(decoder.decode())
      const last = kept === '' ? '' : shown(kept)
      kept = ''
      void print(`${text}${last}`).then(() => done())
    },
  })
}

/** A longer line is shown in parts. */
const maxKeptChars = 65_536
