import { MayflyError, limits, sha256Hex } from '../lib/index.ts'
import { readPackageLock } from './npm.ts'
import type { Lockfile, Pin, PinList } from './pin.ts'

/** Reads one format. Throws `bad_input` with what to do. */
type Reader = (text: string) => Pin[]

/** Who reads a file of which name. A new format is a file beside this one, and a line here. */
const readers: readonly { readonly name: RegExp; readonly read: Reader }[] = [
  { name: /^(?:package-lock|npm-shrinkwrap)\.json$/, read: readPackageLock },
]

/** Reads lockfiles of any format that is known. Throws `bad_input` or `limit_exceeded`. */
export function readLockfiles(files: readonly Lockfile[]): PinList {
  const pins: Pin[] = []
  const read = files.map(({ path, text }) => {
    if (Buffer.byteLength(text) > limits.lockfileBytes)
      throw new MayflyError('limit_exceeded', `${path} is over ${limits.lockfileBytes} bytes`)
    const found = readerOf(path)(text)
    pins.push(...found)
    if (pins.length > limits.lockfilePackages)
      throw new MayflyError(
        'limit_exceeded',
        `${path}: more than ${limits.lockfilePackages} packages are pinned`,
      )
    return { path, packages: found.length, sha256: sha256Hex(text) }
  })
  return { files: read, pins }
}

// A file that somebody calls something else is npm's: that is what `--lockfile` was for from the beginning.
function readerOf(path: string): Reader {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return readers.find((one) => one.name.test(name))?.read ?? readPackageLock
}
