export { buildApp } from './app.js'
export { ConfigError, readConfig } from './config.js'
export { startServer } from './server.js'
export { openStore, readLinks, StoreError } from './store.js'
