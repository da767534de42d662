import { MayflyError } from '../../lib/index.ts'
import { isPlainName } from './plain-name.ts'
import { readHeader, type TarEntry } from './tar-header.ts'
import { paxPath } from './tar-pax.ts'
import { wrong } from './wrong.ts'

export interface TarContents {
  /** Of all files and folders, in order. */
  readonly names: readonly string[]
  /** The one file that was asked for. */
  readonly file: Buffer
}

const block = 512
const maxEntries = 100_000
const maxFileBytes = 2 * 1_048_576
const maxLongNameBytes = 8192

/** What the entry before it says of an entry; its name, if that is too long for its header. */
interface Before {
  readonly name: string | undefined
}

/**
 * Reads a tar and keeps the file `wanted`. `isWanted` says of a name whether some reader could take it for that file; only one entry
 * may be called so, and only in its plain header. Throws `bad_input` for links, devices, sparse files, names that lead elsewhere, and
 * whatever else readers do not agree on.
 */
export async function readTar(
  source: AsyncIterable<Buffer>,
  wanted: string,
  isWanted: (name: string) => boolean,
): Promise<TarContents> {
  const reader = createReader(source)
  const names: string[] = []
  let file: Buffer | undefined
  let before: Before | undefined
  for (;;) {
    const header = await reader.take(block)
    if (header.every((byte) => byte === 0)) break
    const entry = readHeader(header)
    if (entry.kind === 'pax' || entry.kind === 'long') {
      if (before !== undefined) throw wrong('it names an entry twice')
      before = { name: await readLongName(reader, entry) }
      continue
    }
    const name = nameOf(entry, before?.name, isWanted)
    before = undefined
    names.push(name)
    if (names.length > maxEntries) throw new MayflyError('limit_exceeded', `it has over ${maxEntries} files`)
    if (!isWanted(name.replace(/\/$/, ''))) await reader.skip(entry.bytes)
    else if (name !== wanted || entry.kind !== 'file' || file !== undefined)
      throw wrong(`it has ${shown(name)}, which some readers take for its ${shown(wanted)}`)
    else file = await reader.takeFile(entry.bytes, maxFileBytes)
  }
  if (before !== undefined) throw wrong('it ends within an entry')
  await reader.endsInZeros()
  if (file === undefined) throw wrong(`it has no ${shown(wanted)}`)
  return { names, file }
}

function nameOf(entry: TarEntry, long: string | undefined, isWanted: (name: string) => boolean): string {
  const name = long ?? entry.name
  // Before anybody folds it, which takes long for a name of any length.
  if (!isPlainName(name)) throw wrong(`its file ${shown(name)} has a name that readers do not agree on`)
  // Who does not know long names reads the short one; who has both may put its first part in front of the long one.
  const isMixed = long !== undefined && entry.hasPrefix
  if (isMixed || (long !== undefined && [long, entry.name].some((name) => isWanted(name.replace(/\/$/, '')))))
    throw wrong('it gives its manifest another name')
  // Some readers take it for a folder, and read its content as the next header.
  if (entry.kind === 'file' && name.endsWith('/')) throw wrong('a file in it is called like a folder')
  return name
}

async function readLongName(reader: Reader, { kind, bytes }: TarEntry): Promise<string | undefined> {
  const content = await reader.takeFile(bytes, maxLongNameBytes)
  if (kind === 'pax') return paxPath(content)
  return content.toString('utf8').replace(/\0$/, '')
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100))
}

type Reader = ReturnType<typeof createReader>

function createReader(source: AsyncIterable<Buffer>) {
  const chunks = source[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)

  async function more(): Promise<boolean> {
    const { value, done } = await chunks.next()
    if (done === true) return false
    held = held.length === 0 ? value : Buffer.concat([held, value])
    return true
  }

  async function take(bytes: number): Promise<Buffer> {
    while (held.length < bytes) if (!(await more())) throw wrong('it breaks off')
    const taken = held.subarray(0, bytes)
    held = held.subarray(bytes)
    return taken
  }

  const padded = (bytes: number) => Math.ceil(bytes / block) * block

  return {
    take,
    async skip(bytes: number): Promise<void> {
      for (let left = padded(bytes); left > 0;) {
        if (held.length === 0 && !(await more())) throw wrong('it breaks off')
        const step = Math.min(left, held.length)
        held = held.subarray(step)
        left -= step
      }
    },
    async takeFile(bytes: number, maxBytes: number): Promise<Buffer> {
      if (bytes > maxBytes)
        throw new MayflyError('limit_exceeded', `a file in it that is to be read is over ${maxBytes} bytes`)
      return Buffer.from((await take(padded(bytes))).subarray(0, bytes))
    },
    /** Its first block of zeros was taken: another one belongs to its end, and nothing comes behind. */
    async endsInZeros(): Promise<void> {
      let bytes = block
      do {
        bytes += held.length
        if (held.some((byte) => byte !== 0)) throw wrong('bytes stand behind the end of its tar')
        held = Buffer.alloc(0)
      } while (await more())
      if (bytes < 2 * block || bytes % block !== 0) throw wrong('it has no proper end')
    },
  }
}
