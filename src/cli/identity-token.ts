import { readEnvironment } from '../config/environment.ts'
import { MayflyError } from '../lib/index.ts'
import { fetchIdentityToken } from '../runner/index.ts'
import { print, table } from './output.ts'
import { namedServer } from './server-url.ts'

interface Options {
  audience?: string
  server?: string
  claims: boolean
  print: boolean
  json: boolean
}

/**
 * `mayfly token`: fetches the CI's own identity token and says what is in it. The token itself goes to standard
 * output only when it is asked for: whoever reads it there can use it until it expires.
 */
export async function showIdentityToken(options: Options): Promise<void> {
  const environment = readEnvironment()
  const audience = options.audience ?? environment.audience ?? namedServer(options.server)
  if (audience === undefined)
    throw new MayflyError(
      'bad_input',
      'say what the token shall be for: --audience URL, or MAYFLY_SERVER for the server’s',
    )
  const token = await fetchIdentityToken({
    environment,
    audience: audience.replace(/\/+$/, ''),
    untrusted: [process.cwd()],
  })
  if (options.print) {
    print(options.json, { token: token.reveal() }, [token.reveal()])
    return
  }
  const claims = claimsOf(token.reveal())
  if (options.claims) {
    print(options.json, claims, [JSON.stringify(claims, null, 2)])
    return
  }
  const names = ['iss', 'sub', 'aud', 'iat', 'exp']
  const summary = Object.fromEntries(names.map((name) => [name, claims[name] ?? null]))
  const rows = Object.entries(summary).map(([name, value]) => [name, JSON.stringify(value)])
  print(options.json, summary, [...table(rows), 'not verified here; --claims shows all, --print the token'])
}

/** Not verified: the server does that. For the eyes of the one who fetched it. */
function claimsOf(token: string): Record<string, unknown> {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims))
      return claims as Record<string, unknown>
  } catch {
    // What the parser says would repeat a part of the token.
  }
  throw new MayflyError('bad_token', 'the CI gave a token whose claims are no JSON object')
}
