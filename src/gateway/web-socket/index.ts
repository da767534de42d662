export { lookThroughBytes } from './bytes.ts'
export { carry, passWebSocket, plainSocket, type Carried } from './web-socket.ts'
