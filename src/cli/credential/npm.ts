import { MayflyError } from '../../lib/index.ts'
import type { HandedCredential } from '../../runner/index.ts'
import { oneLine } from './place.ts'

/**
 * A line of an npmrc: npm runs no helper. In a value `${NAME}` would be filled in, and `;` begin a comment (npmrc(5), ini), so a
 * token has none of these. Throws `credential_failed`.
 */
export function writeNpmLine({ fields, url }: HandedCredential): string {
  const token = oneLine(fields, 'token')
  if (!/^[A-Za-z0-9._~+/=-]+$/.test(token))
    throw new MayflyError(
      'credential_failed',
      'the token has characters that an npmrc reads as something else',
    )
  const { host, pathname } = new URL(url)
  return `//${host}${pathname.replace(/\/*$/, '/')}:_authToken=${token}\n`
}
