import { createHash } from 'node:crypto'
import { fromFdPromise, type Entry, type ZipFile } from 'yauzl'
import { MayflyError, limits, messageOf } from '../../lib/index.ts'
import { hash1, type HashedFile } from './hash1.ts'

/**
 * The digest of a module's zip file as go.sum has it: over the files in it. `prefix` is `MODULE@VERSION/`, with which every name
 * begins. What go would not unpack (golang.org/x/mod/zip) throws `denied`: then it is nobody's module. `isWanted` is asked between
 * files; a no throws `revoked`.
 */
export async function hashZip(fd: number, prefix: string, isWanted: () => boolean): Promise<string> {
  const names = new Set<string>()
  const files: HashedFile[] = []
  let left: number = limits.goZipBytes
  let nameBytes = 0
  try {
    const zip = await fromFdPromise(fd, { lazyEntries: true, autoClose: false, decodeStrings: false })
    // An error that nobody listens to would end the process.
    zip.on('error', () => undefined)
    if (zip.comment.length > 0) throw refused('there is a comment behind it')
    if (zip.entryCount > limits.goZipEntries) throw refused(`it has more than ${limits.goZipEntries} files`)
    for await (const entry of zip.eachEntry()) {
      if (!isWanted()) throw new MayflyError('revoked', 'nobody waits for it any more')
      takeName(entry, prefix, names)
      nameBytes += entry.fileNameRaw.length
      if (nameBytes > maxNameBytes) throw refused('the names in it are too long')
      left -= entry.uncompressedSize
      if (left < 0) throw refused(`its files are over ${limits.goZipBytes} bytes`)
      // A copy: what is beside the name in the directory does not stay.
      files.push({ name: Buffer.from(entry.fileNameRaw), sha256: await hashEntry(zip, entry, isWanted) })
    }
  } catch (error) {
    throw error instanceof MayflyError ? error : refused(messageOf(error))
  }
  return hash1(files)
}

/** Together; those of Kubernetes take 3 MB. */
const maxNameBytes = 33_554_432

async function hashEntry(zip: ZipFile, entry: Entry, isWanted: () => boolean): Promise<string> {
  // Refuses what is encrypted or packed in another way than deflate, and what is longer than it said.
  const content = await zip.openReadStreamPromise(entry)
  const hash = createHash('sha256')
  for await (const chunk of content as AsyncIterable<Buffer>) {
    if (!isWanted()) throw new MayflyError('revoked', 'nobody waits for it any more')
    hash.update(chunk)
  }
  return hash.digest('hex')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** One place for each file, below the module's own folder, whatever system it is unpacked on. */
function takeName({ fileNameRaw }: Entry, prefix: string, names: Set<string>): void {
  const name = decoded(fileNameRaw)
  if (name === undefined || !name.startsWith(prefix)) throw refused(`a file in it is not below ${prefix}`)
  const path = name.slice(prefix.length).replace(/\/$/, '')
  const parts = path.split('/')
  if (path !== '' && (parts.some((part) => /^\.{0,2}$/.test(part)) || /[\0-\x1f\x7f\\:*?"<>|]/.test(path)))
    throw refused('a file in it has a name that leads elsewhere')
  const folded = name.replace(/\/$/, '').toLowerCase()
  if (names.has(folded)) throw refused('two files in it have one name')
  names.add(folded)
}

function decoded(name: Buffer): string | undefined {
  try {
    return utf8.decode(name)
  } catch {
    return undefined
  }
}

function refused(why: string): MayflyError {
  return new MayflyError('denied', `it is no zip file of a Go module: ${why.slice(0, 200)}`)
}
