import type { IncomingMessage } from 'node:http'
import { constants, type Http2Stream, type IncomingHttpHeaders } from 'node:http2'
import { Readable } from 'node:stream'

/**
 * What comes on an HTTP/2 stream, in the shape that handlers know from HTTP/1.1 (`asIncoming`). Node's own compatibility layer says of
 * a body that broke off that it has ended: a push or a file cut in the middle would pass as whole. This one fails there.
 */
export class Http2Message extends Readable {
  readonly httpVersion = '2.0'
  readonly httpVersionMajor = 2
  readonly httpVersionMinor = 0
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: string[]
  readonly socket: Http2Stream
  method?: string
  url?: string
  statusCode?: number
  trailers: IncomingHttpHeaders = {}
  /** The body is here to its end. */
  complete = false
  /** Bytes that its content-length has promised, and that have not come. */
  #missing: number | undefined
  #onRead: (() => void) | undefined

  /** `onRead` is called once, when somebody begins to read the body. */
  constructor(
    stream: Http2Stream,
    headers: IncomingHttpHeaders,
    options: { onRead?: () => void; bodiless?: boolean } = {},
  ) {
    super()
    this.socket = stream
    this.headers = withoutPseudo(headers)
    this.rawHeaders = Object.entries(this.headers).flatMap(([name, value]) =>
      [value ?? []].flat().flatMap((one) => [name, one]),
    )
    this.#onRead = options.onRead
    const length = this.headers['content-length']
    if (length !== undefined && options.bodiless !== true) this.#missing = Number(length)
    this.on('error', () => undefined)
    stream.pause()
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    stream.on('trailers', (trailers: IncomingHttpHeaders) => (this.trailers = withoutPseudo(trailers)))
    stream.on('end', () => this.#end())
    stream.on('error', (error) => this.#breakOff(error))
    stream.on('aborted', () => this.#breakOff())
    stream.on('close', () => this.#breakOff())
    if (stream.endAfterHeaders) {
      this.#end()
      stream.resume()
    }
  }

  asIncoming(): IncomingMessage {
    return this as unknown as IncomingMessage
  }

  setTimeout(ms: number, onTimeout?: () => void): this {
    this.socket.setTimeout(ms, onTimeout)
    return this
  }

  override _read(): void {
    this.#onRead?.()
    this.#onRead = undefined
    this.socket.resume()
  }

  /** Whoever gives a body up before its end gives its stream up, as with a connection of HTTP/1.1. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.complete && !this.socket.closed) this.socket.close(constants.NGHTTP2_CANCEL)
    done(error)
  }

  #take(chunk: Buffer): void {
    if (this.#missing !== undefined) this.#missing -= chunk.length
    if (!this.push(chunk)) this.socket.pause()
  }

  #end(): void {
    // A stream that is reset without an error ends in Node like one that is whole (RFC 9113, section 8.1.1).
    if (this.socket.aborted || (this.#missing ?? 0) !== 0) return this.#breakOff()
    this.complete = true
    this.push(null)
  }

  #breakOff(error?: Error): void {
    if (!this.complete) this.destroy(error ?? new Error('the stream was reset before its end'))
  }
}

/** Own properties only: a header may be called `__proto__`. */
function withoutPseudo(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')))
}
