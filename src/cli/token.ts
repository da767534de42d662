import { MayflyError } from '../lib/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'

interface Options {
  server?: string
  json: boolean
}

interface TokenInfo {
  id: string
  name: string
  scopes: string[]
  expires: string | null
  revoked: string | null
}

export async function createToken(
  name: string,
  options: Options & { scope: string[]; expiresIn: number },
): Promise<void> {
  const body = { name, scopes: options.scope, expires_in: options.expiresIn }
  const made = await createOperatorApi(options).call<TokenInfo & { token: string }>(
    'POST',
    '/v1/tokens',
    body,
  )
  print(options.json, made, [made.token, `shown this once; ${made.id}, expires ${made.expires}`])
}

export async function listTokens(options: Options): Promise<void> {
  const result = await createOperatorApi(options).call<{ tokens: TokenInfo[] }>('GET', '/v1/tokens')
  const rows = result.tokens.map((one) => [
    one.id,
    one.name,
    one.revoked === null ? (one.expires ?? 'never') : 'revoked',
    one.scopes.join(' '),
  ])
  print(options.json, result, table([['ID', 'NAME', 'EXPIRES', 'SCOPES'], ...rows]))
}

export async function revokeToken(id: string, options: Options): Promise<void> {
  // Whoever holds one to be revoked has its text at hand. It is not repeated, and goes into no URL.
  if (id.startsWith('mayfly_'))
    throw new MayflyError('bad_input', 'this is a token, not its id (tok_...): mayfly token list shows it')
  const result = await createOperatorApi(options).call<{ revoked: string }>(
    'DELETE',
    `/v1/tokens/${encodeURIComponent(id)}`,
  )
  print(options.json, result, [`${result.revoked} is revoked`])
}
