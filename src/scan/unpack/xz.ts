import xz from 'xz-decompress'
import { flowOf, type Flow } from './flow.ts'
import { openRest } from './gzip.ts'
import { tooMuch } from './inflate.ts'
import { createRegion } from './region.ts'
import { deeper, stopped, Stopped, type Walk } from './walk.ts'

const chunkBytes = 65_536

/** The streams of an .xz file, and what is behind them. */
export async function unpackXz(walk: Walk, flow: Flow): Promise<void> {
  const inner = deeper(walk)
  if (inner === undefined) return
  let last: Buffer = Buffer.alloc(0)
  const source = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const chunk = await flow.next(chunkBytes)
      if (chunk === undefined) return controller.close()
      last = Buffer.from(chunk)
      controller.enqueue(last)
    },
  })

  async function* unpacked(): AsyncGenerator<Buffer> {
    for await (const chunk of new xz.XzReadableStream(source)) {
      if (!walk.budget.unpacked(chunk.length)) throw new Stopped('limit', tooMuch)
      yield Buffer.from(chunk)
    }
  }

  const chunks = unpacked()
  await walk.open(inner, flowOf(chunks, stopped(walk)))
  await chunks.return(undefined)
  // How much of its last chunk it took, the decompressor does not say.
  const end = createRegion({ ...walk, name: `${walk.name}!(end)` })
  await end.add(last)
  await end.end()
  await openRest(walk, flow)
}
