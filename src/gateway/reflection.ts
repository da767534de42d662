import { Transform, type Duplex } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { MayflyError, Secret } from '../lib/index.ts'
import type { Connection } from '../connections/index.ts'
import { createMasker, type Masker } from '../mask/index.ts'

/**
 * An injected credential does not come back to the step in an answer (design.md, Never 15): debug endpoints, error pages and
 * redirects reflect what they were sent. It is looked for in every form that the masker knows, across any split.
 */
export interface Reflection {
  /** Throws `denied` if a header has it, in its value or in its name. */
  head(headers: NodeJS.Dict<string | string[]>): void
  /** Whether a text has it that was made of an answer. */
  holds(text: string): boolean
  /** What a body passes on its way to the step. Fails with `denied` where the credential begins: what came before has passed. */
  body(): Transform
  /** Looks at bytes that somebody else holds. */
  watch(): Watch
}

/** Each tells how many bytes more may pass; what is held back is the last of what was seen. */
export interface Watch {
  /** Throws `denied` where the credential is whole. */
  see(chunk: Buffer): number
  /** For a timer, when nothing came for a while: what cannot be its beginning. */
  idle(): number
  /** All that is held, unless it is the credential, which throws `denied`. What comes next is looked at anew. */
  end(): number
}

/** Output held back for what might become the credential goes on after that, so that a slow stream stays live. */
const idleMs = 50

export function createReflection(connection: Connection, authorization: Secret): Reflection {
  const values = valuesOf(connection, authorization)
  const masker = createMasker(values)
  const found = () =>
    new MayflyError(
      'denied',
      `the answer holds the credential of connection "${connection.name}", which no step may have: it was cut`,
    )
  const holds = (text: string) => {
    let seen = false
    const stream = masker.stream(() => (seen = true))
    stream.write(Buffer.from(text))
    stream.end()
    return seen
  }
  return {
    holds,
    head(headers) {
      // Names are in lower case by now.
      const names = Object.keys(headers)
      const isNamed = values.some((one) => names.some((name) => name.includes(one.reveal().toLowerCase())))
      if (isNamed || holds(Object.values(headers).flat().join('\n'))) throw found()
    },
    body: () => lookThrough(masker, found),
    watch() {
      let seen = false
      const open = () => masker.stream(() => (seen = true))
      let stream = open()
      const passing = ({ length }: Buffer) => {
        if (seen) throw found()
        return length
      }
      return {
        see: (chunk) => passing(stream.write(chunk)),
        idle: () => passing(stream.flushIdle()),
        end() {
          const ended = stream
          stream = open()
          return passing(ended.end())
        },
      }
    },
  }
}

/** What must not come back: the value as it was sent, and what it is made of. */
function valuesOf({ credential }: Connection, authorization: Secret): Secret[] {
  const value = authorization.reveal()
  if (credential?.scheme === 'query') return [authorization]
  if (credential?.scheme === 'header') return [new Secret(value.slice(credential.prefix.length))]
  const sent = value.replace(/^\w+ /, '')
  if (!value.startsWith('Basic ')) return [new Secret(sent)]
  const decoded = Buffer.from(sent, 'base64').toString()
  return [sent, decoded, decoded.slice(decoded.indexOf(':') + 1)].map((one) => new Secret(one))
}

function lookThrough(masker: Masker, found: () => Error): Transform {
  let seen = false
  const stream = masker.stream(() => (seen = true))
  let idle: NodeJS.Timeout | undefined
  const later = (body: Transform) => {
    clearTimeout(idle)
    idle = setTimeout(() => {
      const rest = stream.flushIdle()
      if (!body.destroyed && rest.length > 0) body.push(rest)
    }, idleMs).unref()
  }
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const ready = stream.write(chunk)
      if (seen) return done(found())
      later(this)
      done(null, ready.length > 0 ? ready : undefined)
    },
    flush(done) {
      clearTimeout(idle)
      const rest = stream.end()
      if (seen) return done(found())
      done(null, rest)
    },
    destroy(error, done) {
      clearTimeout(idle)
      done(error)
    },
  })
}

/**
 * Takes a body's encoding off (RFC 9110, section 8.4); undefined for one that is not known, into which nobody can look.
 * A body that expands without end is read as fast as its reader takes it, and no faster.
 */
export function decoderOf(encoding: string | undefined): (() => Duplex) | 'none' | undefined {
  switch ((encoding ?? 'identity').trim().toLowerCase()) {
    case 'identity':
    case '':
      return 'none'
    case 'gzip':
    case 'x-gzip':
      return createGunzip
    case 'deflate':
      return createInflate
    case 'br':
      return createBrotliDecompress
    case 'zstd':
      return createZstdDecompress
    default:
      return undefined
  }
}

/**
 * The request's headers, asking only for encodings that can be taken off again, and for the whole: in parts a credential would come
 * piece by piece. Where answers may be opaque a part is asked for, without any encoding.
 */
export function readable(
  { range, 'if-range': condition, ...others }: Readonly<Record<string, string>>,
  opaque: boolean,
): Record<string, string> {
  const { 'accept-encoding': accepted } = others
  const isPart = opaque && range !== undefined
  const headers = {
    ...others,
    ...(isPart ? { range, ...(condition === undefined ? {} : { 'if-range': condition }) } : {}),
  }
  if (accepted === undefined && !isPart) return headers
  const known = (accepted ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => decoderOf(one.split(';')[0]) !== undefined && one !== '')
  const asked = isPart || known.length === 0 ? 'identity' : known.join(', ')
  return { ...headers, 'accept-encoding': asked }
}
