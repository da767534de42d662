import { open } from 'node:fs/promises'
import { messageOf } from '../../lib/index.ts'
import type { Sink } from './sink.ts'

/** A line for each entry. The file is opened anew for each batch, so that it may be rotated at any time. */
export function createFileSink(path: string): Sink {
  return {
    async deliver(batch) {
      try {
        await append(path, batch.map(({ line }) => `${line}\n`).join(''))
        return { delivered: batch.length }
      } catch (error) {
        return { delivered: 0, problem: `${path}: ${messageOf(error)}` }
      }
    },
    close: () => undefined,
  }
}

async function append(path: string, text: string): Promise<void> {
  const handle = await open(path, 'a+', 0o600)
  try {
    const { size } = await handle.stat()
    // A crash may have torn the last line: it is ended, and sent again whole.
    const last = size === 0 ? undefined : (await handle.read(Buffer.alloc(1), 0, 1, size - 1)).buffer
    const bytes = Buffer.from(last === undefined || last[0] === 0x0a ? text : `\n${text}`)
    let at = 0
    while (at < bytes.length) at += (await handle.write(bytes, at)).bytesWritten
    await handle.sync()
  } finally {
    await handle.close()
  }
}
