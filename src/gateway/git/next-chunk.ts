import type { Readable } from 'node:stream'

/** The next bytes of a stream, or undefined when it has ended, or was cut. The stream stays usable: nothing flows by itself. */
export async function nextChunk(body: Readable): Promise<Buffer | undefined> {
  for (;;) {
    const chunk = body.read() as Buffer | null
    if (chunk !== null) return chunk
    if (body.readableEnded || body.destroyed) return undefined
    await new Promise<void>((resolve) => {
      const wake = () => {
        for (const name of ['readable', 'end', 'close', 'error']) body.off(name, wake)
        resolve()
      }
      for (const name of ['readable', 'end', 'close', 'error']) body.once(name, wake)
    })
  }
}
