import pino from 'pino'
import { buildApp } from './app.js'
import { openStore } from './store.js'

/**
 * Opens the store and listens.
 * @returns {Promise<{ url: string, close(): Promise<void> }>} close answers what is in flight, then
 *   stores what is pending
 */
export async function startServer(config, { log = createLogger(config) } = {}) {
  const store = await openStore(config.dataFolder, { log })
  try {
    const app = await buildApp({ config, store, log })
    const url = await app.listen({ host: config.host, port: config.port })
    return {
      url,
      async close() {
        await app.close()
        await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

export function createLogger(config) {
  return pino({
    level: config.logLevel,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['req.headers.authorization', 'req.headers.cookie'],
  })
}
