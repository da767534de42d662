export { passWebSocket } from './web-socket.ts'
