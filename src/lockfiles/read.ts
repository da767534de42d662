import { MayflyError, escapeUnseen, limits, sha256Hex } from '../lib/index.ts'
import { readBunLock } from './bun.ts'
import { readCargoLock } from './cargo-lock.ts'
import { readDenoLock } from './deno.ts'
import { readGemfileLock } from './gemfile-lock.ts'
import { readGoSum } from './go-sum.ts'
import { readPackageLock } from './npm.ts'
import { readPdmLock } from './pdm.ts'
import type { Gap, Lockfile, Outside, Pin, PinList, Tell } from './pin.ts'
import { readPipfileLock } from './pipfile.ts'
import { readPnpmLock } from './pnpm.ts'
import { readPoetryLock } from './poetry.ts'
import { readPylock } from './pylock.ts'
import { readRequirements } from './requirements.ts'
import { readVerificationMetadata } from './verification-metadata.ts'
import { readUvLock } from './uv.ts'
import { readYarnLock } from './yarn.ts'

/** Reads one format, and says what it came across that no registry has, or cannot be read. Throws `bad_input` with what to do. */
type Reader = (text: string, tell: Tell) => Pin[]

/** Who reads a file of which name. A new format is a file beside this one, and a line here. */
const readers: readonly { readonly name: RegExp; readonly read: Reader }[] = [
  { name: /^(?:package-lock|npm-shrinkwrap)\.json$/, read: readPackageLock },
  { name: /^pnpm-lock\.yaml$/, read: readPnpmLock },
  { name: /^yarn\.lock$/, read: readYarnLock },
  { name: /^bun\.lock$/, read: readBunLock },
  { name: /^deno\.lock$/, read: readDenoLock },
  { name: /^Cargo\.lock$/, read: readCargoLock },
  { name: /^(?:Gemfile\.lock|gems\.locked)$/, read: readGemfileLock },
  { name: /^go(?:\.work)?\.sum$/, read: readGoSum },
  { name: /^poetry\.lock$/, read: readPoetryLock },
  { name: /^uv\.lock$/, read: readUvLock },
  { name: /^pdm\.lock$/, read: readPdmLock },
  { name: /^Pipfile\.lock$/, read: readPipfileLock },
  { name: /^pylock(?:\.[^.]+)?\.toml$/, read: readPylock },
  { name: /^verification-metadata\.xml$/, read: readVerificationMetadata },
  { name: /\.txt$/, read: readRequirements },
]

/** Of so many it is said that they are outside, and of as many that they cannot be read. */
const maxTold = 100

/**
 * Reads lockfiles of any format that is known. One that cannot be read pins nothing, and says why: a broken one among the test
 * data of a repository does not spoil the others. Throws `bad_input` where none can be read, and `limit_exceeded`.
 */
export function readLockfiles(files: readonly Lockfile[]): PinList {
  const pins: Pin[] = []
  const outside: Outside[] = []
  const gaps: Gap[] = []
  const tellOf = ({ path, text }: Lockfile): Tell => ({
    outside: (one) => void (outside.length < maxTold && outside.push(one)),
    gap: (entry, why, line) =>
      void (gaps.length < maxTold && gaps.push(gapOf(path, text, { entry, why, line }))),
  })
  const failures: MayflyError[] = []
  const read = files.map((file) => {
    const { path, text } = file
    try {
      const found = readOne(file, tellOf(file))
      for (const pin of found) pins.push(pin)
      if (pins.length > limits.lockfilePackages)
        throw new MayflyError(
          'limit_exceeded',
          `${path}: more than ${limits.lockfilePackages} packages are pinned`,
        )
      return { path, packages: found.length, sha256: sha256Hex(text) }
    } catch (error) {
      if (!(error instanceof MayflyError) || error.code !== 'bad_input') throw error
      failures.push(error)
      return { path, packages: 0, sha256: sha256Hex(text), unread: error.message }
    }
  })
  const [failure] = failures
  if (failure !== undefined && failures.length === files.length) throw failure
  return { files: read, pins, outside, gaps }
}

function readOne({ path, text }: Lockfile, tell: Tell): Pin[] {
  if (Buffer.byteLength(text) > limits.lockfileBytes)
    throw new MayflyError('limit_exceeded', `${path} is over ${limits.lockfileBytes} bytes`)
  const conflict = /^(?:<{7}|>{7})(?: |$)/m.exec(text)
  if (conflict !== null)
    throw new MayflyError(
      'bad_input',
      `line ${lineAt(text, conflict.index)}: the mark of a merge that is not finished: finish it, and make the lockfile anew`,
    )
  return readerOf(path)(withoutMark(text), tell)
}

const maxEntryChars = 100
/** In a longer one the lines are not counted, which is done for each gap. */
const maxSearchedChars = 4_000_000

function gapOf(
  path: string,
  text: string,
  { entry, why, line }: { entry: string; why: string; line: number | undefined },
): Gap {
  const at = line === undefined && text.length <= maxSearchedChars ? text.indexOf(entry) : -1
  const found = at === -1 ? line : lineAt(text, at)
  // It is shown to people.
  const open = entry.slice(0, 10 * maxEntryChars).replaceAll(/\/\/[^/@\s]*@/g, '//')
  const plain = escapeUnseen(open.slice(0, maxEntryChars))
  return { path, entry: plain, why, ...(found === undefined ? {} : { line: found }) }
}

function lineAt(text: string, at: number): number {
  let line = 1
  for (let end = text.indexOf('\n'); end !== -1 && end < at; end = text.indexOf('\n', end + 1)) line++
  return line
}

/** Editors of one system put a mark before the text, which is none of it. */
function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

// A file that somebody calls something else is npm's: that is what `--lockfile` was for from the beginning.
function readerOf(path: string): Reader {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return readers.find((one) => one.name.test(name))?.read ?? readPackageLock
}
