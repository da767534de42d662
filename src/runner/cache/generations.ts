import { mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../../lib/index.ts'

/** A generation that a reader may still be copying from is not removed. */
const keptMs = 60 * 60 * 1_000

/** The cache's newest generation; undefined if it has none. */
export function currentOf(folder: string): string | undefined {
  try {
    const name = readlinkSync(join(folder, 'current'))
    return /^[0-9a-z-]+$/.test(name) ? join(folder, name) : undefined
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Makes `from` the newest generation, at once and whole: who reads meanwhile has the one before. Of two at the same time the
 * later stays.
 */
export function promote(folder: string, from: string, id: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  renameSync(from, join(folder, id))
  const link = join(folder, `link-${id}`)
  symlinkSync(id, link)
  renameSync(link, join(folder, 'current'))
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (name === id || name === 'current') continue
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0) > keptMs)
      rmSync(path, { recursive: true, force: true })
  }
}
