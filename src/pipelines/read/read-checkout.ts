import { posix } from 'node:path'
import type { CiName, FileRole, PipelineFile } from '../model.ts'
import { bounds } from './bounds.ts'
import { openCheckout, type CheckoutFiles } from './checkout-files.ts'
import { includedBy } from './included.ts'
import { places } from './places.ts'
import { readPipeline } from './read-pipeline.ts'

/** A file that belongs to a pipeline and was not read at all. */
export interface Unread {
  readonly path: string
  readonly why: string
  /** It is not there, and may yet be made by an earlier step. */
  readonly isMissing: boolean
}

export interface Checkout {
  readonly files: readonly PipelineFile[]
  readonly unread: readonly Unread[]
}

/** Every pipeline file of a checkout, and what these include of it. Throws `bad_input` if the folder cannot be read. */
export function readCheckout(folder: string): Checkout {
  const unread: Unread[] = []
  const files = openCheckout(folder, (path, why) => {
    // A folder may be where several kinds of files are.
    if (!unread.some((one) => one.path === path)) unread.push({ path, why, isMissing: false })
  })
  const reading = createReading(files, unread)
  for (const place of places)
    for (const path of files.list(place.folder, place.depth))
      if (place.name.test(posix.basename(path))) reading.take([path], place.ci, place.role)
  for (let level = 0; level < bounds.includeDepth; level++) {
    const fresh = reading.fresh()
    if (fresh.length === 0) break
    for (const file of fresh)
      for (const { paths, role, as, mayBeMade = false } of includedBy(file, files))
        reading.take(paths, file.ci, role, { as: `${as}, which ${file.path} includes,`, mayBeMade })
  }
  return reading.checkout
}

/** Who asked for a file. Without it the file was listed, and is there. */
interface Asking {
  readonly as: string
  readonly mayBeMade: boolean
}

function createReading(files: CheckoutFiles, unread: Unread[]) {
  const read: PipelineFile[] = []
  const seen = new Set<string>()
  let told = 0
  return {
    checkout: { files: read, unread },
    /** Those that came since the last time. */
    fresh: () => read.slice(told, (told = read.length)),
    take(paths: readonly string[], ci: CiName, role: FileRole, asking?: Asking): void {
      if (paths.some((path) => seen.has(path))) return
      if (paths.some((path) => path.startsWith('..'))) {
        seen.add(paths[0] ?? '')
        return void unread.push(outside(paths[0] ?? '', asking))
      }
      const found = paths.flatMap((path) => {
        const text = files.read(path)
        return text === undefined ? [] : [{ path, text }]
      })[0]
      const path = found?.path ?? paths[0] ?? ''
      seen.add(path)
      if (found === undefined) {
        unread.push(missing(path, asking))
      } else if (!found.text.ok) unread.push({ path, why: found.text.why, isMissing: false })
      else if (read.length >= bounds.files)
        unread.push({ path, why: `more than ${bounds.files} files were read before it`, isMissing: false })
      else read.push(readPipeline(path, found.text.text, ci, role === 'pipeline' ? undefined : role))
    },
  }
}

function outside(path: string, asking: Asking | undefined): Unread {
  return { path, why: `${asking?.as ?? 'it'} is outside of the checkout`, isMissing: false }
}

function missing(path: string, asking: Asking | undefined): Unread {
  if (asking !== undefined) return { path, why: `${asking.as} is not there`, isMissing: asking.mayBeMade }
  const why = path.includes('\ufffd') ? 'its name is not UTF-8: give it another one' : 'it went away'
  return { path, why, isMissing: false }
}
