import type { Readable } from 'node:stream'

/**
 * All that comes, or undefined if it is more than that, or was cut off. What a server sends without end is cut off; a step's
 * request stays, so that it can be answered.
 */
export async function collect(stream: Readable, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) return undefined
      chunks.push(chunk)
    }
  } catch {
    return undefined
  }
  return Buffer.concat(chunks)
}

/** The same of an answer, whose connection is of no more use if it was too much. */
export async function collectAnswer(stream: Readable, maxBytes: number): Promise<Buffer | undefined> {
  const bytes = await collect(stream, maxBytes)
  if (bytes === undefined) stream.destroy()
  return bytes
}
