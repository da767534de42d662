import type { Writable } from 'node:stream'

/** Resolves once there is room again for what is written to it, or it is gone; at once where there is room. */
export function drained(to: Writable): Promise<void> {
  if (!to.writableNeedDrain || to.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      to.off('drain', done).off('close', done)
      resolve()
    }
    to.on('drain', done).on('close', done)
  })
}
