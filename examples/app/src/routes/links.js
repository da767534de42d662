import { Problem } from '../problem.js'
import { createBody, link, linkPage, listQuery, slugParams, updateBody } from '../schemas.js'
import { generateSlug, isReserved } from '../slug.js'
import { StoreError } from '../store.js'
import { parseTarget } from '../target.js'

const MAX_SLUG_ATTEMPTS = 5

export async function linkRoutes(app, { store, now, limit, checkToken, originOf }) {
  const present = (request, { seq, ...stored }) => ({
    ...stored,
    shortUrl: `${originOf(request)}/${stored.slug}`,
  })

  app.decorateRequest('holder', '')
  app.addHook('onRequest', limit)
  app.addHook('onRequest', async (request) => {
    const holder = checkToken(request.headers.authorization)
    if (!holder)
      throw new Problem(401, 'unauthorized', 'A valid bearer token is needed.', {
        'www-authenticate': 'Bearer',
      })
    request.holder = holder
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })

  app.get('/', { schema: { querystring: listQuery, response: { 200: linkPage } } }, async (request) => {
    const { after, limit: count } = request.query
    // One more than asked for tells whether there is a next page.
    const found = store.list({ after, limit: count + 1 })
    const page = found.slice(0, count)
    return {
      links: page.map((stored) => present(request, stored)),
      next: found.length > count ? page.at(-1).seq : null,
    }
  })

  app.post('/', { schema: { body: createBody, response: { 201: link } } }, async (request, reply) => {
    const { slug, url, expiresAt } = request.body
    if (slug && isReserved(slug)) throw new Problem(422, 'slug_reserved', `slug ${slug} is reserved.`)
    const created = await create(slug, {
      url: parseTarget(url, originOf(request)),
      expiresAt: parseExpiry(expiresAt, now()),
      createdBy: request.holder,
      now: now(),
    })
    request.log.info({ slug: created.slug, holder: request.holder }, 'link created')
    return reply.code(201).header('location', `/api/links/${created.slug}`).send(present(request, created))
  })

  app.get('/:slug', { schema: { params: slugParams, response: { 200: link } } }, async (request) => {
    const stored = store.get(request.params.slug)
    if (!stored) throw notFound(request.params.slug)
    return present(request, stored)
  })

  const updateSchema = { params: slugParams, body: updateBody, response: { 200: link } }
  app.patch('/:slug', { schema: updateSchema }, async (request) => {
    const { url, expiresAt } = request.body
    const changes = {
      ...(url !== undefined && { url: parseTarget(url, originOf(request)) }),
      ...(expiresAt !== undefined && { expiresAt: parseExpiry(expiresAt, now()) }),
    }
    const { slug } = request.params
    const updated = await store.update(slug, changes, now()).catch(rethrow)
    request.log.info({ slug, holder: request.holder }, 'link updated')
    return present(request, updated)
  })

  app.delete('/:slug', { schema: { params: slugParams } }, async (request, reply) => {
    const { slug } = request.params
    await store.delete(slug).catch(rethrow)
    request.log.info({ slug, holder: request.holder }, 'link deleted')
    return reply.code(204).send()
  })

  async function create(slug, fields) {
    if (slug) return store.create({ slug, ...fields }).catch(rethrow)
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await store.create({ slug: generateSlug(), ...fields })
      } catch (error) {
        if (error.code !== 'exists' || attempt === MAX_SLUG_ATTEMPTS) rethrow(error)
      }
    }
  }
}

function parseExpiry(text, now) {
  if (text === undefined || text === null) return null
  const date = new Date(text)
  if (!(date > now)) throw new Problem(422, 'expiry_past', 'expiresAt must be in the future.')
  return date.toISOString()
}

function notFound(slug) {
  return new Problem(404, 'not_found', `There is no link ${slug}.`)
}

function rethrow(error) {
  if (!(error instanceof StoreError)) throw error
  if (error.code === 'exists') throw new Problem(409, 'slug_taken', `${error.message}.`)
  if (error.code === 'not_found') throw new Problem(404, 'not_found', `${error.message}.`)
  throw new Problem(503, 'store_unavailable', 'The change could not be stored.')
}
