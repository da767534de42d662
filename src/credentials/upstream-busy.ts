import { TryLater } from '../lib/index.ts'

/** An upstream that says 429, or 503, with `Retry-After` (RFC 9110, section 10.2.3). Nothing was made or ended. */
export class UpstreamBusy extends TryLater {}
