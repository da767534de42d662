import { PassThrough, Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import xz from 'xz-decompress'
import { kinds } from '../../kinds/index.ts'
import { MayflyError } from '../../lib/index.ts'
import { integrityOfHex } from '../../lockfiles/index.ts'
import { createParagraphReader, type Paragraph } from './control-file.ts'

/** One file of the archive's pool, as an index has it. */
export interface PoolFile {
  readonly name: string
  readonly version: string
  /** `amd64`, `all`; of the files of a source package `source`. */
  readonly architecture: string
  readonly integrity: string
}

/** By path below the archive. */
export type PoolIndex = ReadonlyMap<string, PoolFile>

export interface IndexForm {
  readonly lists: 'Packages' | 'Sources'
  readonly compression: '' | 'gz' | 'xz' | 'zst'
}

/** Undefined for a file that lists no packages. */
export function indexFormOf(path: string): IndexForm | 'unread' | undefined {
  const [, lists, ending = ''] = /(?:^|\/)(Packages|Sources)(?:\.([a-z0-9]+))?$/.exec(path) ?? []
  if (lists !== 'Packages' && lists !== 'Sources') return undefined
  return ending === '' || ending === 'gz' || ending === 'xz' || ending === 'zst'
    ? { lists, compression: ending }
    : 'unread'
}

const bytesPerTurn = 524_288
/** Files of one index; Debian's own has 63,000. */
const maxFiles = 1_000_000

const fields: Readonly<Record<IndexForm['lists'], readonly string[]>> = {
  Packages: ['package', 'version', 'architecture', 'filename', 'sha256', 'sha512'],
  Sources: ['package', 'version', 'directory', 'checksums-sha256', 'checksums-sha512'],
}

/** Takes an index in pieces, as it comes from the archive, and has read it when its end was taken. */
export interface IndexReader {
  /** Resolves when there is room for more. Throws `denied` for what is no index, or a longer one. */
  add(bytes: Buffer): Promise<void>
  end(): Promise<PoolIndex>
  stop(): void
}

/** `maxBytes`: of what it unpacks to. */
export function createIndexReader({ lists, compression }: IndexForm, maxBytes: number): IndexReader {
  const input = new PassThrough()
  const reading = readIndex(lists, unpacked(input, compression), maxBytes)
  // Who waits for it hears of it; who has gone does not.
  reading.catch(() => input.destroy())
  return {
    async add(bytes) {
      if (input.write(bytes)) return
      await Promise.race([new Promise((drained) => input.once('drain', drained)), reading])
    },
    end() {
      input.end()
      return reading
    },
    stop: () => void input.destroy(new Error('nobody reads it any more')),
  }
}

function unpacked(input: PassThrough, compression: IndexForm['compression']): Readable {
  input.on('error', () => undefined)
  if (compression === '') return input
  if (compression === 'xz') {
    // Node has no xz of its own; this one is WebAssembly, in a memory of its own.
    const source = Readable.toWeb(input) as unknown as ReadableStream<Uint8Array>
    return Readable.fromWeb(new xz.XzReadableStream(source))
  }
  const unpacker = compression === 'gz' ? createGunzip() : createZstdDecompress()
  input.on('close', () => {
    if (!input.readableEnded) unpacker.destroy(new Error('it broke off'))
  })
  return input.pipe(unpacker)
}

async function readIndex(lists: IndexForm['lists'], bytes: Readable, maxBytes: number): Promise<PoolIndex> {
  const index = new Map<string, PoolFile>()
  const contradicted = new Set<string>()
  const reader = createParagraphReader(fields[lists], (paragraph) => {
    for (const [path, file] of lists === 'Packages' ? packageOf(paragraph) : sourcesOf(paragraph)) {
      const known = index.get(path)
      if (known !== undefined && known.integrity !== file.integrity) contradicted.add(path)
      else index.set(path, file)
    }
    if (index.size > maxFiles) throw unreadable(`it has more than ${maxFiles} files`)
  })
  let read = 0
  try {
    for await (const chunk of bytes as AsyncIterable<Uint8Array>) {
      // A few bytes may unpack to very many, and other steps' traffic goes on meanwhile.
      if (Math.floor((read + chunk.length) / bytesPerTurn) > Math.floor(read / bytesPerTurn))
        await setImmediate()
      read += chunk.length
      if (read > maxBytes) throw unreadable(`it unpacks to more than ${maxBytes} bytes`)
      reader.add(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1'))
    }
    reader.end()
  } catch (cause) {
    throw cause instanceof MayflyError ? cause : unreadable('it cannot be unpacked', cause)
  }
  for (const path of contradicted) index.delete(path)
  return index
}

/** What cannot be named by a grant, or has no digest that counts, is not there. */
function packageOf(paragraph: Paragraph): [string, PoolFile][] {
  const path = plainPath(paragraph.get('filename') ?? '')
  const integrity = integrityOf(paragraph.get('sha256'), paragraph.get('sha512'))
  const architecture = paragraph.get('architecture') ?? ''
  const named = nameOf(paragraph)
  if (path === undefined || integrity === '' || named === undefined) return []
  return /^[a-z0-9-]{1,40}$/.test(architecture)
    ? [[path, { ...named, architecture: apart(architecture), integrity }]]
    : []
}

function sourcesOf(paragraph: Paragraph): [string, PoolFile][] {
  const named = nameOf(paragraph)
  if (named === undefined) return []
  const [sha256, sha512] = ['checksums-sha256', 'checksums-sha512'].map((name) =>
    checksumsIn(paragraph.get(name)),
  )
  const files = new Set([...(sha256?.keys() ?? []), ...(sha512?.keys() ?? [])])
  return [...files].flatMap((file) => {
    const path = plainPath(`${paragraph.get('directory') ?? ''}/${file}`)
    const integrity = integrityOf(sha256?.get(file), sha512?.get(file))
    return path === undefined || integrity === '' || file.includes('/')
      ? []
      : [[path, { ...named, architecture: 'source', integrity }] as [string, PoolFile]]
  })
}

function nameOf(paragraph: Paragraph): { name: string; version: string } | undefined {
  const [name = '', version = ''] = [paragraph.get('package'), paragraph.get('version')]
  const { path, ref } = kinds.debian
  return name !== '' && path.form.is(name) && ref.form.is(version)
    ? { name: apart(name), version: apart(version) }
    : undefined
}

/** `HEX SIZE NAME` in each line. */
function checksumsIn(text: string | undefined): Map<string, string> {
  const lines = (text ?? '').split('\n').map((line) => line.split(/[ \t]+/))
  return new Map(
    lines.flatMap(([hex, , name]) => (hex === undefined || name === undefined ? [] : [[name, hex]])),
  )
}

function integrityOf(sha256 = '', sha512 = ''): string {
  const digests = [
    ...(/^[0-9a-f]{64}$/.test(sha256) ? [integrityOfHex('sha256', sha256)] : []),
    ...(/^[0-9a-f]{128}$/.test(sha512) ? [integrityOfHex('sha512', sha512)] : []),
  ]
  return digests.join(' ')
}

/** As requests name it, without `./`; undefined for what leads elsewhere. */
export function plainPath(written: string): string | undefined {
  const path = written.replace(/^(?:\.\/)+/, '')
  return path.length <= 1_000 &&
    /^(?:(?!\.{1,2}(?:\/|$))[\x21-\x24\x26-\x2e\x30-\x7e]+(?:\/(?=.)|$))+$/.test(path)
    ? apart(path)
    : undefined
}

/** A text of its own: a part of a larger one would keep all of that in memory. */
function apart(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function unreadable(why: string, cause?: unknown): MayflyError {
  return new MayflyError('denied', `the index cannot be read: ${why}`, { cause })
}
