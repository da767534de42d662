import { createInterface } from 'node:readline/promises'
import { MayflyError } from '../lib/index.ts'

/** Asks on the terminal without showing what is typed. */
export function askHidden(question: string): Promise<string> {
  return new Promise((resolve) => {
    process.stderr.write(question)
    const { stdin } = process
    let typed = ''
    stdin.setRawMode(true).setEncoding('utf8').resume()
    const listen = (keys: string) => {
      for (const key of keys) {
        if (key === '\u0003') {
          stdin.setRawMode(false)
          process.stderr.write('\n')
          process.exit(130)
        }
        if (key === '\r' || key === '\n' || key === '\u0004') {
          stdin.setRawMode(false).pause()
          stdin.off('data', listen)
          process.stderr.write('\n')
          return resolve(typed)
        }
        typed = key === '\u007f' ? typed.slice(0, -1) : typed + key
      }
    }
    stdin.on('data', listen)
  })
}

/**
 * Before what cannot be taken back: a person at a terminal is asked, a script says `--yes`. Throws `bad_input` if neither
 * did, and `denied` if the person said no.
 */
export async function confirm(what: string, options: { yes: boolean }): Promise<void> {
  if (options.yes) return
  if (!process.stdin.isTTY) throw new MayflyError('bad_input', `${what}: say --yes if that is what you want`)
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const gone = new AbortController()
  lines.once('SIGINT', () => gone.abort()).once('close', () => gone.abort())
  const answer = await lines.question(`${what}. Go on? [y/N] `, { signal: gone.signal }).catch(() => '')
  lines.close()
  if (!/^y(?:es)?$/i.test(answer.trim())) throw new MayflyError('denied', 'nothing was done')
}
