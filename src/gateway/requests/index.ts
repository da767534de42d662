export { createRequestServer } from './request-server.ts'
export { Http2Message } from './http2-message.ts'
