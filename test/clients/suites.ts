import { readdirSync } from 'node:fs'
import type { Suite } from './suite.ts'

const folder = new URL('./rows/', import.meta.url)

/** Every suite: a file in `rows/` each. */
export async function readSuites(): Promise<Suite[]> {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .toSorted()
  return Promise.all(
    names.map(async (name) => ((await import(new URL(name, folder).href)) as { default: Suite }).default),
  )
}
