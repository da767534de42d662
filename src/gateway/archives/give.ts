import type { InflateRaw } from 'node:zlib'

/** Waits until the inflater has taken the piece, or was closed: it calls nobody back for what it did not take then. */
export function give(inflater: InflateRaw, piece: Buffer): Promise<void> {
  return new Promise((resolve) => {
    inflater.once('close', resolve)
    inflater.write(piece, () => {
      inflater.off('close', resolve)
      resolve()
    })
  })
}
