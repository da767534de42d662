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
  /** It is not there; an action may yet be made by an earlier step. */
  readonly isMissing: boolean
}

export interface Checkout {
  readonly files: readonly PipelineFile[]
  readonly unread: readonly Unread[]
}

/** Every pipeline file of a checkout, and what these include of it. Throws `bad_input` if the folder cannot be read. */
export function readCheckout(folder: string): Checkout {
  const files = openCheckout(folder)
  const reading = createReading(files)
  for (const place of places)
    for (const path of files.list(place.folder, place.depth))
      if (place.name.test(posix.basename(path))) reading.take([path], place.ci, place.role, undefined)
  for (let level = 0; level < bounds.includeDepth; level++) {
    const fresh = reading.fresh()
    if (fresh.length === 0) break
    for (const file of fresh)
      for (const { paths, role, as } of includedBy(file, files))
        reading.take(paths, file.ci, role, `${as}, which ${file.path} includes, is not there`)
  }
  return reading.checkout
}

function createReading(files: CheckoutFiles) {
  const read: PipelineFile[] = []
  const unread: Unread[] = []
  const seen = new Set<string>()
  let told = 0
  return {
    checkout: { files: read, unread },
    /** Those that came since the last time. */
    fresh: () => read.slice(told, (told = read.length)),
    take(paths: readonly string[], ci: CiName, role: FileRole, missing: string | undefined): void {
      if (paths.some((path) => seen.has(path))) return
      const found = paths.flatMap((path) => {
        const text = files.read(path)
        return text === undefined ? [] : [{ path, text }]
      })[0]
      const path = found?.path ?? paths[0] ?? ''
      seen.add(path)
      if (found === undefined) {
        if (missing !== undefined) unread.push({ path, why: missing, isMissing: true })
      } else if (!found.text.ok) unread.push({ path, why: found.text.why, isMissing: false })
      else if (read.length >= bounds.files)
        unread.push({ path, why: `more than ${bounds.files} files were read before it`, isMissing: false })
      else read.push(readPipeline(path, found.text.text, ci, role === 'pipeline' ? undefined : role))
    },
  }
}
