import { Problem } from '../problem.js'

/** healthz: the process answers. readyz: it can also store changes. Neither is rate-limited. */
export async function healthRoutes(app, { store }) {
  app.get('/healthz', { logLevel: 'warn' }, async () => ({ status: 'ok' }))

  app.get('/readyz', { logLevel: 'warn' }, async () => {
    if (!store.writable) throw new Problem(503, 'store_unavailable', 'The store takes no changes.')
    return { status: 'ok', links: store.size }
  })
}
