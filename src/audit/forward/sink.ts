/** An entry on its way: `line` is what is sent, `id`, `type` and the rest are for the envelope. */
export interface SinkEntry {
  index: number
  id: string
  type: string
  time: string
  run: string | undefined
  line: string
}

export interface Delivery {
  /** How many of the batch, from its beginning, the sink has taken for good. */
  delivered: number
  /** Why not all, in one line. */
  problem?: string
}

export interface Sink {
  /** Hands over a batch, in order. Never rejects; ends soon after `signal` is aborted. */
  deliver(batch: readonly SinkEntry[], signal: AbortSignal): Promise<Delivery>
  close(): void
}
