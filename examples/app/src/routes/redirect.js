import { Problem } from '../problem.js'
import { SLUG_PATTERN } from '../slug.js'

const SLUG = new RegExp(SLUG_PATTERN)

export async function redirectRoutes(app, { store, now, limit }) {
  app.get('/:slug', { onRequest: limit }, async (request, reply) => {
    const { slug } = request.params
    // A path that cannot be a slug (favicon.ico) is merely not found, so no schema here.
    const link = SLUG.test(slug) ? store.get(slug) : undefined
    if (!link) throw new Problem(404, 'not_found', 'There is nothing here.')
    if (link.expiresAt && new Date(link.expiresAt) <= now())
      throw new Problem(410, 'expired', 'This link has expired.')
    if (request.method === 'GET') store.hit(slug)
    // Temporary and uncached: a permanent redirect could never be changed, expired or counted.
    return reply.header('cache-control', 'no-store').redirect(link.url, 302)
  })
}
