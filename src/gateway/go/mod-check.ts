import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'
import { MayflyError, limits } from '../../lib/index.ts'
import type { BodyCheck } from '../exchange.ts'
import { hash1 } from './hash1.ts'

/** A digest as go.sum writes it, and who says so. */
export interface ExpectedSum {
  readonly sum: string
  readonly by: 'lockfile' | 'sumdb'
}

/** Holds a go.mod against its digest; without one it is bounded, and its digest told. */
export function checkMod(what: string, expected: ExpectedSum | undefined): BodyCheck {
  const hash = createHash('sha256')
  let digest = ''
  let bytes = 0
  let held: Buffer = Buffer.alloc(0)
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes > limits.goModBytes)
        return done(new MayflyError('denied', `${what} is longer than ${limits.goModBytes} bytes`))
      hash.update(chunk)
      const ready = held
      held = chunk
      done(null, ready.length > 0 ? ready : undefined)
    },
    flush(done) {
      digest = hash1([{ name: Buffer.from('go.mod'), sha256: hash.digest('hex') }])
      if (expected !== undefined && digest !== expected.sum) return done(differs(what, digest, expected))
      done(null, held)
    },
  })
  return { body, digest: () => digest }
}

export function differs(what: string, digest: string, { by }: ExpectedSum): MayflyError {
  const whose = by === 'lockfile' ? 'go.sum' : 'the checksum database'
  return new MayflyError('denied', `${what} is not what ${whose} has: it came with ${digest}`)
}
