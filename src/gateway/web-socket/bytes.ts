import { Transform } from 'node:stream'
import type { Reflection } from '../reflection.ts'

/** After the first what cannot be the credential's beginning goes on, after the second all: somebody may wait for it. */
const idleMs = 50
const heldMs = 500

/** Looks through the bytes of a protocol that nobody takes apart here. Fails with `denied` where the credential is. */
export function lookThroughBytes(reflection: Reflection): Transform {
  const watch = reflection.watch()
  let held = Buffer.alloc(0)
  let timers: NodeJS.Timeout[] = []

  function release(to: Transform, bytes: number): void {
    if (bytes > 0) to.push(held.subarray(0, bytes))
    held = held.subarray(bytes)
  }
  function afterwards(to: Transform, more: () => number): void {
    if (to.destroyed) return
    try {
      release(to, more())
    } catch (error) {
      to.destroy(error as Error)
    }
  }
  const stop = () => {
    for (const timer of timers) clearTimeout(timer)
    timers = []
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      stop()
      held = Buffer.concat([held, chunk])
      try {
        release(this, watch.see(chunk))
      } catch (error) {
        return done(error as Error)
      }
      if (held.length > 0)
        timers = [
          setTimeout(() => afterwards(this, () => watch.idle()), idleMs),
          setTimeout(() => afterwards(this, () => watch.end()), heldMs),
        ]
      done()
    },
    flush(done) {
      stop()
      try {
        release(this, watch.end())
        done()
      } catch (error) {
        done(error as Error)
      }
    },
    destroy(error, done) {
      stop()
      done(error)
    },
  })
}
