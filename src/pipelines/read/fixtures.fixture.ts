import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PipelineFile } from '../model.ts'
import { readCheckout } from './read-checkout.ts'

/** Checkouts that have the shapes of public projects' pipelines; each folder is one. */
export const shapes = join(import.meta.dirname, '../../../test/fixtures/pipelines')

export const shapeNames: readonly string[] = readdirSync(shapes)

export function shape(name: string, path?: string): PipelineFile {
  const { files } = readCheckout(join(shapes, name))
  const found = path === undefined ? files[0] : files.find((file) => file.path === path)
  if (found === undefined) throw new Error(`no ${path ?? 'file'} in ${name}`)
  return found
}

/** What stands in the source there. */
export function wordsAt(
  file: PipelineFile,
  { start, end }: { readonly start: number; readonly end: number },
): string {
  return file.text.slice(start, end)
}
