import { Transform } from 'node:stream'
import type { Reflection } from './reflection.ts'

/** A flag for compression and the length (gRPC, PROTOCOL-HTTP2.md, "Length-Prefixed-Message"). */
const headBytes = 5

/**
 * Passes the messages of a call on, each looked through for the credential as a whole; nothing is held back beyond the end of one,
 * since both sides may wait for each other. Fails with `denied` where the credential begins.
 */
export function lookThroughMessages(reflection: Reflection): Transform {
  const watched = reflection.watch()
  const partsOf = createReader()
  let held = Buffer.alloc(0)

  function pass(to: Transform, bytes: number): void {
    if (bytes === 0) return
    to.push(held.subarray(0, bytes))
    held = held.subarray(bytes)
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      held = Buffer.concat([held, chunk])
      try {
        for (const { part, isLast } of partsOf(chunk)) {
          const seen = watched.see(part)
          pass(this, isLast ? seen + watched.end() : seen)
        }
      } catch (error) {
        return done(error as Error)
      }
      done()
    },
    flush(done) {
      try {
        pass(this, watched.end())
      } catch (error) {
        return done(error as Error)
      }
      done()
    },
  })
}

/** Parts of messages as they come, and whether one ends with it. */
function createReader(): (chunk: Buffer) => Generator<{ part: Buffer; isLast: boolean }> {
  let head = Buffer.alloc(0)
  let left = headBytes
  return function* read(chunk) {
    for (let rest = chunk; rest.length > 0;) {
      const part = rest.subarray(0, left)
      rest = rest.subarray(part.length)
      left -= part.length
      const inHead = head.length < headBytes
      if (inHead) head = Buffer.concat([head, part])
      if (inHead && left === 0) left = head.readUInt32BE(1)
      const isLast = head.length === headBytes && left === 0
      if (isLast) {
        head = Buffer.alloc(0)
        left = headBytes
      }
      yield { part, isLast }
    }
  }
}
