import { MayflyError } from '../lib/index.ts'

/** An upstream that asks for patience: 429, or 503, with `Retry-After` (RFC 9110, section 10.2.3). Nothing was made or ended. */
export class UpstreamBusy extends MayflyError {
  readonly retryAfterMs: number

  constructor(message: string, retryAfterMs: number) {
    super('upstream_unreachable', message)
    this.retryAfterMs = retryAfterMs
  }
}
