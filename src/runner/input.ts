import type { Readable, Writable } from 'node:stream'

/**
 * Copies what Mayfly's caller says to the step, no faster than the step reads it, until one of them has ended. The source is
 * not read before, so that nothing is lost of it where no step asks. Returns what ends it.
 */
export function feedInput(source: Readable, target: Writable): () => void {
  const end = () => {
    source.unpipe(target)
    source.destroy()
    target.destroy()
  }
  // The step has closed its input, or has ended.
  target.on('error', end)
  source.on('error', end)
  source.pipe(target)
  return end
}
