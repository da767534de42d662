import { readEnvironment } from '../config/environment.ts'
import { MayflyError } from '../lib/index.ts'

export const defaultServer = 'http://127.0.0.1:7700'

/**
 * The server that a command means: `--server`, else `MAYFLY_SERVER`; undefined if neither is given. Throws `bad_input`
 * for what is no URL of a server; a password in it is not repeated, and goes nowhere.
 */
export function namedServer(option: string | undefined): string | undefined {
  const text = option ?? readEnvironment().server
  if (text === undefined) return undefined
  const from = option === undefined ? 'MAYFLY_SERVER' : '--server'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new MayflyError('bad_input', `${from} is no URL of a server: write https://mayfly.example.com`)
  if (url.username !== '' || url.password !== '')
    throw new MayflyError(
      'bad_input',
      `${from} has a user or password in it: take it out, and give an API token in MAYFLY_TOKEN`,
    )
  return text.replace(/\/+$/, '')
}
