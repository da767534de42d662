export { createUpstream } from './upstream.ts'
export { authorityOf, type Upstream } from './upstream-request.ts'
export {
  createSocketOpener,
  createTlsStarter,
  type SocketOpener,
  type TlsStarter,
} from './upstream-socket.ts'
export { askUpgrade } from './upgrade.ts'
