import { randomUUID } from 'node:crypto'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import { Problem, sendProblem } from './problem.js'
import { healthRoutes } from './routes/health.js'
import { linkRoutes } from './routes/links.js'
import { redirectRoutes } from './routes/redirect.js'
import { createValidatorCompiler } from './schemas.js'
import { createTokenCheck } from './tokens.js'

const MAX_BODY_BYTES = 16 * 1024

/**
 * The service, not yet listening. The caller owns the store and closes it after the app.
 * @param {object} deps
 * @param {ReturnType<import('./config.js').readConfig>} deps.config
 * @param {Awaited<ReturnType<import('./store.js').openStore>>} deps.store
 * @param {import('pino').Logger} [deps.log]
 * @param {() => Date} [deps.now]
 */
export async function buildApp({ config, store, log, now = () => new Date() }) {
  const app = Fastify({
    ...(log ? { loggerInstance: log } : { logger: false }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 10_000,
    trustProxy: config.trustProxy ?? false,
    // Made here, never taken from the caller: it is what ties an answer to our log.
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    frameworkErrors: sendProblem,
  })
  app.setErrorHandler(sendProblem)
  app.setValidatorCompiler(createValidatorCompiler())
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })

  await app.register(helmet)
  await app.register(rateLimit, {
    global: false,
    max: config.ratePerMinute,
    timeWindow: '1 minute',
    errorResponseBuilder: (_request, { after }) =>
      new Problem(429, 'rate_limited', `Too many requests; try again in ${after}.`),
  })

  // One counter for all of it: guessing slugs or tokens is what it is there to slow down.
  const limit = app.rateLimit()
  const deps = {
    store,
    now,
    limit,
    checkToken: createTokenCheck(config.tokens),
    originOf: (request) => config.publicUrl ?? `${request.protocol}://${request.host}`,
  }
  app.setNotFoundHandler({ preHandler: limit }, () => {
    throw new Problem(404, 'not_found', 'There is nothing here.')
  })
  await app.register(healthRoutes, deps)
  await app.register(linkRoutes, { ...deps, prefix: '/api/links' })
  await app.register(redirectRoutes, deps)
  return app
}
