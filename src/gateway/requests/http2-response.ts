import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { constants, type ServerHttp2Stream } from 'node:http2'
import { Writable } from 'node:stream'
import { isHeader } from '../../lib/index.ts'

type Value = string | readonly string[]

/** Headers of one HTTP/1.1 connection, which HTTP/2 does not have (RFC 9113, section 8.2.2). */
const ofConnection = /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade)$/

/** A client that sends a small body anyway is not reset while it does. */
const lingerMs = 500

/**
 * The answer on an HTTP/2 stream, in the shape that handlers know from HTTP/1.1 (`asResponse`). Destroyed before its end it resets the
 * stream with an error, so that nobody takes what has passed for the whole. Node's own compatibility layer calls that finished.
 */
export class Http2Response extends Writable {
  readonly req: IncomingMessage
  statusCode = 200
  /** HTTP/2 has none: kept for nobody. */
  statusMessage = ''
  readonly #stream: ServerHttp2Stream
  readonly #headers = new Map<string, Value>()
  #trailers: Readonly<Record<string, string>> = {}
  /** The head is decided. */
  #decided = false
  #begun = false

  constructor(stream: ServerHttp2Stream, request: IncomingMessage) {
    super()
    this.#stream = stream
    this.req = request
    this.on('error', () => undefined)
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers))
    stream.on('close', () => this.destroy())
    // The rest of a request that was answered without being read is dropped, and not for long (RFC 9113, section 8.1).
    this.once('finish', () => {
      if (request.complete || stream.closed) return
      request.resume()
      const enough = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), lingerMs).unref()
      stream.once('close', () => clearTimeout(enough))
    })
  }

  asResponse(): ServerResponse {
    return this as unknown as ServerResponse
  }

  get headersSent(): boolean {
    return this.#decided
  }

  setHeader(name: string, value: number | Value): this {
    const [lower, text] = [name.toLowerCase(), typeof value === 'number' ? String(value) : value]
    if (this.#decided) throw new TypeError(`the head of the answer is sent: ${lower}`)
    if (!isHeader(lower, text)) throw new TypeError(`this is no header: ${JSON.stringify(lower)}`)
    if (!ofConnection.test(lower)) this.#headers.set(lower, text)
    return this
  }

  getHeader(name: string): Value | undefined {
    return this.#headers.get(name.toLowerCase())
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name.toLowerCase())
  }

  getHeaderNames(): string[] {
    return [...this.#headers.keys()]
  }

  removeHeader(name: string): void {
    this.#headers.delete(name.toLowerCase())
  }

  writeHead(status: number, ...rest: readonly (string | OutgoingHttpHeaders | undefined)[]): this {
    const headers = rest.find((one) => typeof one === 'object') ?? {}
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) this.setHeader(name, value)
    this.statusCode = status
    this.#decided = true
    return this
  }

  flushHeaders(): void {
    this.#begin(false)
  }

  /** They go after the body. */
  addTrailers(trailers: Readonly<Record<string, string>>): void {
    this.#trailers = { ...this.#trailers, ...trailers }
  }

  writeContinue(): void {
    if (!this.#decided && !this.#stream.closed) this.#stream.additionalHeaders({ ':status': 100 })
  }

  setTimeout(ms: number, onTimeout?: () => void): this {
    this.#stream.setTimeout(ms, onTimeout)
    return this
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#hasNoBody()) return done()
    this.#begin(false)
    this.#stream.write(chunk, done)
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#begun) return void this.#stream.end(() => done())
    this.#begin(Object.keys(this.#trailers).length === 0 || this.#hasNoBody())
    this.#stream.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.writableFinished && !this.#stream.closed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    done(error)
  }

  #hasNoBody(): boolean {
    return this.req.method === 'HEAD' || [204, 304].includes(this.statusCode)
  }

  #begin(isWhole: boolean): void {
    this.#decided = true
    if (this.#begun || this.#stream.destroyed || this.#stream.closed) return
    this.#begun = true
    this.#stream.respond(
      { ...Object.fromEntries(this.#headers), ':status': this.statusCode },
      { endStream: isWhole, waitForTrailers: !isWhole },
    )
  }
}
