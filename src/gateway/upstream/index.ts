export { createUpstream } from './upstream.ts'
export { authorityOf, type Upstream } from './upstream-request.ts'
export { createSocketOpener, type SocketOpener } from './upstream-socket.ts'
export { askUpgrade } from './upgrade.ts'
