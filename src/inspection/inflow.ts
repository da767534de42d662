/** Pieces that come by messages, as a reader takes them one by one. */
export interface Inflow {
  readonly pieces: AsyncIterable<Buffer>
  add(piece: Buffer): void
  end(): void
}

/** `taken` is told of each piece that the reader has begun with, `waits` that it has none. */
export function createInflow(taken: (bytes: number) => void, waits: () => void): Inflow {
  const waiting: Buffer[] = []
  let isEnded = false
  let wake: (() => void) | undefined

  async function* read(): AsyncGenerator<Buffer> {
    for (;;) {
      const piece = waiting.shift()
      if (piece !== undefined) {
        taken(piece.length)
        yield piece
      } else if (isEnded) return
      else {
        waits()
        await new Promise<void>((more) => (wake = more))
      }
    }
  }

  function changed(): void {
    wake?.()
    wake = undefined
  }

  return {
    pieces: read(),
    add(piece) {
      waiting.push(piece)
      changed()
    },
    end() {
      isEnded = true
      changed()
    },
  }
}
