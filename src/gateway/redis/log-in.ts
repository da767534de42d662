import type { Duplex } from 'node:stream'
import { MayflyError, limits } from '../../lib/index.ts'
import type { Connection } from '../../connections/index.ts'
import type { Login } from '../stream-exchange.ts'
import { createReplyFrames } from './reply-frames.ts'

/**
 * Logs in with a connection's credential (AUTH), and goes to its database (SELECT). Throws `credential_failed` and
 * `upstream_unreachable`.
 */
export async function logIn(
  upstream: Duplex,
  login: Login | undefined,
  { credential, settings }: Pick<Connection, 'credential' | 'settings'>,
): Promise<void> {
  const database = settings?.database ?? 0
  if (login !== undefined) {
    const { username, password } = login
    const answer = await ask(upstream, username === '' ? ['AUTH', password] : ['AUTH', username, password])
    if (!answer.startsWith('+OK'))
      throw new MayflyError(
        'credential_failed',
        `its server does not take the user and password of the connection (${codeOf(answer)})${renewal(credential)}`,
      )
  }
  if (database === 0) return
  const answer = await ask(upstream, ['SELECT', String(database)])
  if (!answer.startsWith('+OK'))
    throw new MayflyError(
      'upstream_unreachable',
      `its server has no database ${database} (${codeOf(answer)})`,
    )
}

/** For a password that is kept. */
function renewal(credential: Connection['credential']): string {
  if (credential?.scheme !== 'basic') return ''
  return `: is secret "${credential.secret}" user:password, or :password? mayfly secret set ${credential.secret}`
}

/** The first word of an error: what follows may repeat what was sent. */
function codeOf(answer: string): string {
  return /^-([A-Z]{1,20}) /.exec(answer)?.[1] ?? 'no error of Redis'
}

/** The answer's line. Nothing else is under way. */
function ask(upstream: Duplex, words: readonly string[]): Promise<string> {
  const frames = createReplyFrames()
  let text = ''
  return new Promise((resolve, reject) => {
    const fail = (why: string) => done(() => reject(new MayflyError('upstream_unreachable', why)))
    const timer = setTimeout(
      () => fail('its server did not answer the log-in: is it Redis, and is tls of the connection right?'),
      limits.upstreamConnectMs,
    )
    const onClose = () => fail('its server closed the connection before it was logged in')
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1')
      try {
        const [end] = frames(chunk)
        if (end !== undefined) done(() => resolve(text))
        else if (text.length > 4_096) fail('its server answers the log-in with more than a line')
      } catch {
        fail(
          'its server answers in another protocol than Redis: is it one, and is tls of the connection right?',
        )
      }
    }
    const done = (then: () => void) => {
      clearTimeout(timer)
      upstream.off('data', onData)
      upstream.off('close', onClose)
      upstream.pause()
      then()
    }
    upstream.on('data', onData)
    upstream.on('close', onClose)
    upstream.resume()
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
    upstream.write(`*${words.length}\r\n${parts.join('')}`)
  })
}
