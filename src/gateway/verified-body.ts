import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'
import { MayflyError } from '../lib/index.ts'

/**
 * Passes bytes on while it hashes them, and keeps the last ones back until the digest holds: a client that sees
 * the end of the body has seen the right body. On another digest the stream fails and the last bytes never go.
 * `integrity` is Subresource Integrity text; of several digests those of the strongest algorithm count, and one must hold. Throws `bad_input` for sha1.
 */
export function verifyingBody(what: string, integrity: string, pinnedBy = 'the lockfile pins'): Transform {
  const { algorithm, expected } = strongest(integrity)
  const hash = createHash(algorithm)
  let held: Buffer = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (chunk.length === 0) return done()
      hash.update(chunk)
      // The whole last chunk waits, not its last byte: single bytes would be TLS records of their own.
      const ready = held
      held = chunk
      done(null, ready.length > 0 ? ready : undefined)
    },
    flush(done) {
      if (!expected.includes(hash.digest('base64')))
        return done(new MayflyError('denied', `${what} is not what ${pinnedBy} (${algorithm} differs)`))
      done(null, held)
    },
  })
}

/**
 * Passes bytes on and keeps the last ones back until `settle` has resolved, which is told what they were: SHA-256, in hex. Where it
 * throws, the stream fails.
 */
export function settlingBody(settle: (sha256: string) => Promise<void>): Transform {
  const hash = createHash('sha256')
  let held: Buffer = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      const ready = held
      held = chunk
      done(null, ready.length > 0 ? ready : undefined)
    },
    flush(done) {
      settle(hash.digest('hex')).then(() => done(null, held), done)
    },
  })
}

/** The digests that count: those of the strongest algorithm. Throws `bad_input` if all there are can be forged. */
export function strongest(integrity: string): { algorithm: string; expected: readonly string[] } {
  const digests = integrity
    .trim()
    .split(/\s+/)
    .map(
      (one) => [one.slice(0, one.indexOf('-')), one.slice(one.indexOf('-') + 1).split('?')[0] ?? ''] as const,
    )
  for (const algorithm of ['sha512', 'sha384', 'sha256']) {
    const expected = digests.flatMap(([name, digest]) => (name === algorithm ? [digest] : []))
    if (expected.length > 0) return { algorithm, expected }
  }
  throw new MayflyError(
    'bad_input',
    `the lockfile pins only by ${[...new Set(digests.map(([name]) => name))].join(', ')}, which can be forged: make it anew with npm 7 or later`,
  )
}
