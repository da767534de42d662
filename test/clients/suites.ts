import { readdirSync } from 'node:fs'
import type { Suite } from './suite.ts'

/** Every suite: a file in `rows/` each; of those that deploy in a folder of their own. */
export async function readSuites(folder = new URL('./rows/', import.meta.url)): Promise<Suite[]> {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .toSorted()
  return Promise.all(
    names.map(async (name) => ((await import(new URL(name, folder).href)) as { default: Suite }).default),
  )
}
