import { mkdirSync, realpathSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { MayflyError, messageOf } from '../lib/index.ts'
import type { AttestationsPlace } from '../runner/index.ts'

/**
 * The folder of `--attestations`. Below the workspace the way to it is the step's to change, so it is walked anew when there is something
 * to write; elsewhere it is made at once, where no step can reach it. Throws `bad_input`.
 */
export function attestationsFolder(folder: string, workspace: string): AttestationsPlace {
  const full = resolve(folder)
  const inside = relative(workspace, full)
  if (!isOutside(inside)) return insideWorkspace(inside, workspace, folder)
  let root: string
  try {
    mkdirSync(full, { recursive: true })
    root = realpathSync(full)
  } catch (cause) {
    throw new MayflyError('bad_input', `--attestations ${folder}: ${messageOf(cause)}`, { cause })
  }
  const led = relative(workspace, root)
  if (!isOutside(led)) return insideWorkspace(led, workspace, folder)
  refuseGit(root.split('/'), folder)
  return { root, names: [], shown: folder }
}

/** A folder below the workspace, which may not be there yet. */
export function insideWorkspace(path: string, workspace: string, shown = path): AttestationsPlace {
  const names = path.split('/').filter((part) => part !== '' && part !== '.')
  refuseGit(names, shown)
  return { root: workspace, names, shown }
}

function isOutside(path: string): boolean {
  return path === '..' || path.startsWith('../') || path.startsWith('/')
}

function refuseGit(names: readonly string[], folder: string): void {
  if (names.some((name) => /^\.git$/i.test(name)))
    throw new MayflyError('bad_input', `--attestations ${folder}: nothing is written to a .git`)
}
