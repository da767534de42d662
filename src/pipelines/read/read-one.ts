import { statSync } from 'node:fs'
import { basename, dirname, resolve, sep } from 'node:path'
import { MayflyError } from '../../lib/index.ts'
import { openCheckout } from './checkout-files.ts'
import { placeOf } from './places.ts'
import type { Checkout } from './read-checkout.ts'
import { readPipeline } from './read-pipeline.ts'

/**
 * One pipeline file by its path, whose CI its folder and name tell; undefined if it is a folder. Throws `bad_input` for what is there
 * and no CI would read.
 */
export function readOne(path: string): Checkout | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined || stats.isDirectory()) return undefined
  const parts = resolve(path).split(sep)
  const places = parts.map((_, i) => ({
    path: parts.slice(i).join('/'),
    place: placeOf(parts.slice(i).join('/')),
  }))
  const known = places.find(({ place }) => place !== undefined)
  if (known?.place === undefined)
    throw new MayflyError(
      'bad_input',
      `${path} is in no place where a CI looks for its pipelines: name the checkout that it belongs to`,
    )
  const read = openCheckout(dirname(path)).read(basename(path))
  if (read?.ok !== true)
    return {
      files: [],
      unread: [{ path: known.path, why: read?.why ?? 'it is not there', isMissing: false }],
    }
  const role = known.place.role === 'pipeline' ? undefined : known.place.role
  return { files: [readPipeline(known.path, read.text, known.place.ci, role)], unread: [] }
}
