import { Problem } from './problem.js'

export const MAX_TARGET_LENGTH = 2048

/**
 * The normalised form of a URL that a link may point to.
 * @param {string} text
 * @param {string} ownOrigin the origin that short links are served from
 * @throws {Problem} 422 when the URL must not be linked to
 */
export function parseTarget(text, ownOrigin) {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url) throw new Problem(422, 'target_invalid', 'url must be an absolute URL.')
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new Problem(422, 'target_scheme', 'url must start with https:// or http://.')
  // Credentials in a shared link leak, and user@host is the classic way to disguise a host.
  if (url.username || url.password)
    throw new Problem(422, 'target_credentials', 'url must not contain a user name or password.')
  if (url.host === new URL(ownOrigin).host)
    throw new Problem(422, 'target_is_self', 'url must not point back to this service.')
  // Normalising can lengthen: every non-ASCII character becomes several percent escapes.
  if (url.href.length > MAX_TARGET_LENGTH)
    throw new Problem(422, 'target_too_long', `url must be at most ${MAX_TARGET_LENGTH} characters, encoded.`)
  return url.href
}
