import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'
import { MayflyError } from '../../lib/index.ts'
import type { BodyCheck } from '../exchange.ts'
import { strongest } from '../verified-body.ts'
import type { IndexReader, PoolIndex } from './pool-index.ts'
import type { ListedFile } from './release.ts'

/**
 * Passes an index on while it is held against its digest and read; the last bytes go when the digest holds and `keep` has what was
 * read: what the step asks for next is known then. Without a reader it is held against its digest only.
 */
export function readingBody(
  { path, bytes: size, integrity }: ListedFile,
  reader?: IndexReader,
  keep: (index: PoolIndex) => void = () => undefined,
): BodyCheck {
  const { algorithm, expected } = strongest(integrity)
  const hash = createHash(algorithm)
  let held: Buffer = Buffer.alloc(0)
  let bytes = 0
  const differs = (how: string) =>
    new MayflyError('denied', `${path} is not what the archive signed (${how} differs)`)
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes > size) return done(differs('its size'))
      hash.update(chunk)
      const ready = held
      held = chunk
      const next = ready.length > 0 ? ready : undefined
      if (reader === undefined) return done(null, next)
      reader.add(chunk).then(() => done(null, next), done)
    },
    flush(done) {
      if (!expected.includes(hash.digest('base64'))) return done(differs(algorithm))
      if (reader === undefined) return done(null, held)
      reader
        .end()
        .then(keep)
        .then(() => done(null, held), done)
    },
    destroy(error, done) {
      reader?.stop()
      done(error)
    },
  })
  return { body, digest: () => integrity }
}
