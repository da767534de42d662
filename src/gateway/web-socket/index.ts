export { lookThroughBytes } from './bytes.ts'
export { carry, passWebSocket, plainSocket } from './web-socket.ts'
